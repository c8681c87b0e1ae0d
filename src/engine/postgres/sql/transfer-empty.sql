select not (
  exists (select from {schema}.queue) or exists (select from {schema}.topic) or exists (select from {schema}.record)
  or exists (select from {schema}.arrival where refusal is null)
) as is_there
