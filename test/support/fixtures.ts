/** Who sets sites up in tests. */
export const owner = {
  name: 'Mira Example',
  email: 'mira@example.com',
  password: 'correct horse 4711 staple',
  blogTitle: 'Aurora Letters',
} as const;

/** A PNG of one pixel. */
export const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
