import { describe, expect, it } from 'vitest';
import { migratorEnvironment, templateRole } from '../../../runtime/database/template.ts';
import { readSiteConfig } from '../../../runtime/site/config.ts';

const making = { template: 'ghost_template_6', password: 'pw', ghostPath: '/ghost', content: '/content' };
const server = { host: 'postgres.example', port: 6543, user: 'fleet_admin', password: "the administrator's own" };

describe('the migrator of a template', () => {
  it.each(['off', 'require', 'verify'] as const)("is told the administrator's encryption: %s", (ssl) => {
    const { database } = readSiteConfig(migratorEnvironment({ ...server, ssl }, making));
    expect(database).toMatchObject({ ssl, directSsl: ssl });
  });

  it('speaks in plain where the administrator does', () => {
    const { database } = readSiteConfig(migratorEnvironment(server, making));
    expect(database).toMatchObject({ ssl: 'off', directSsl: 'off', direct: { host: 'postgres.example', port: 6543 } });
  });

  it("logs in as the template's role, and learns no password but that one's", () => {
    const environment = migratorEnvironment(server, making);
    expect(readSiteConfig(environment).database).toMatchObject({ user: templateRole, database: 'ghost_template_6' });
    expect(JSON.stringify(environment)).not.toContain(server.password);
  });
});
