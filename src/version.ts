/** The package's version; `npm version` keeps it and package.json alike. */
export const VERSION = '0.1.0';
