/** What joining needs of an open transaction, whatever library it belongs to. */

export interface SqlTransaction {
  /**
   * Runs one statement on the transaction's connection, and gives its rows: objects by the names of columns.
   * @param text with `$1` as its only placeholder
   * @param value always a text
   */
  query(text: string, value: string): Promise<readonly unknown[]>
}
