// Loaded first where ava is not run by Node.js: what it calls at its end and the runtime lacks.
import v8 from 'node:v8';

v8.takeCoverage = () => {};
