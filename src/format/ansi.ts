/** Terminal attributes, as the numbers of ANSI's sequences. */
export const Attributes = { bold: '1', dim: '2', italic: '3', dimItalic: '2;3' } as const;

/** Colours by verbosity, from ERROR (1) to TRACE (5). */
export const LEVEL_COLORS = ['', '31', '33', '32', '34', '35'] as const;

/** Shows a text with attributes, or as it is. */
export type Paint = (attributes: string, text: string) => string;

export const painted: Paint = (attributes, text) => `\u001b[${attributes}m${text}\u001b[0m`;

export const unpainted: Paint = (_attributes, text) => text;
