/**
 * Entrypoint of a site's image. Backups have a program of their own, since they read databases of every kind and load no
 * Ghost; everything else is the site's.
 */
const [command = ''] = process.argv.slice(2);
if (command === 'backup' || command === 'restore') await import('../backup/main.ts');
else await import('../site/entrypoint.ts');
