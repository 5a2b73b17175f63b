// The table of formats: each is one line here and one module beside this one.
export { diag } from './diag.ts';
export { azureInit } from './azure-init.ts';
export { cloudInit } from './cloud-init.ts';
