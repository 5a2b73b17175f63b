/** Attributes of text, as the parameters of ANSI escape sequences. */
export const Attributes = { bold: '1', dim: '2', italic: '3', dimItalic: '2;3' } as const;

/** The texts of levels, right-aligned, by verbosity: from ERROR (1) to TRACE (5). */
export const LEVEL_TEXTS = ['OFF', 'ERROR', ' WARN', ' INFO', 'DEBUG', 'TRACE'] as const;

/** The colours of levels, by verbosity. */
export const LEVEL_COLORS = ['', '31', '33', '32', '34', '35'] as const;

/** Marks a text with attributes, or returns it as it is. */
export type Paint = (attributes: string, text: string) => string;

export const withAnsi: Paint = (attributes, text) => `\u001b[${attributes}m${text}\u001b[0m`;

export const withoutAnsi: Paint = (_attributes, text) => text;
