import { createServer } from 'node:http';

const instance = {
  compute: {
    osProfile: { adminUsername: 'alice' },
    publicKeys: [{ keyData: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI alice@laptop' }],
  },
};
let requests = 0;
createServer((_request, response) => {
  response.statusCode = ++requests === 1 ? 503 : 200;
  response.end(JSON.stringify(instance));
}).listen(process.env.PORT ?? 3000);
