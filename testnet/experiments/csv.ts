import type { Table } from './experiment.ts'

/** A table as CSV (RFC 4180, lines ended by \n): head first, null as an empty cell. */
export function csv({ columns, rows }: Table): string {
  return [columns, ...rows].map((row) => `${row.map(cell).join(',')}\n`).join('')
}

function cell(value: string | number | null): string {
  if (value === null) return ''
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
