-- Whether a user's transaction has brought something that is still to be decided.
select exists (select from {schema}.arrival where refused is null) as is_there
