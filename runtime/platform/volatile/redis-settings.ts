/** How to reach the platform's Redis. Every key that the platform writes begins with `platform:`. */
export interface RedisSettings {
  readonly host: string;
  readonly port: number;
  /** User of Redis's access control list. @default the default user */
  readonly user?: string;
  readonly password?: string;
  /** @default false */
  readonly tls?: boolean;
}
