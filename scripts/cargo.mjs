// Runs cargo, or says in one line that it is left out where there is none.
import { nativeObstacle, run } from './tools.mjs';

const args = process.argv.slice(2);
const obstacle = nativeObstacle();
if (obstacle === undefined) run('cargo', args);
else console.error(`cargo ${args[0]} is left out: ${obstacle}.`);
