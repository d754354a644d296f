import { z } from 'zod';

/** An administrator of a PostgreSQL server, as the machine that runs Pulumi reaches it. */
export const administrator = z.strictObject({
  host: z.string().min(1),
  port: z.int().min(1).max(65_535),
  user: z.string().min(1),
  password: z.string(),
  ssl: z.enum(['off', 'require', 'verify']),
});
