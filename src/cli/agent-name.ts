/** Whether an agent is called so, with or without its version, in any case. */
export function isAgentNamed(agent: string, name: string): boolean {
  const [own, given] = [agent.toLowerCase(), name.toLowerCase()];
  return own === given || own.replace(/[/-]v?\d[^/]*$|\/[^/]*$/, '') === given;
}
