/** A variable of the environment. Read as an own property: `process.env` inherits from `Object.prototype`. */
export function variable(name: string): string | undefined {
  return Object.hasOwn(process.env, name) ? process.env[name] : undefined;
}

/** The variables of an environment, by default of this process, in an object without a prototype. */
export function variables(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.assign(Object.create(null) as NodeJS.ProcessEnv, env);
}
