import { Random } from '../../../scripts/dataset/random.ts';
import type { Call } from '../call.ts';
import { fits, literal, operators, pathOf, type Resource, resources } from './fields.ts';

/** Every field of every resource, with the operators and values in turn, so that each of both is met at least once. */
export function everyField(anchor: Date): Call[] {
  const calls: Call[] = [];
  let turn = 0;
  for (const resource of resources) {
    for (const [field, values] of Object.entries(resource.fields)) {
      const clauses = values.flatMap((value) => {
        const usable = operators.filter((operator) => fits(operator, value));
        // Texts meet more operators than a flag does.
        const often = typeof value === 'string' && values.length > 5 ? 1 : 2;
        return Array.from({ length: Math.min(often, usable.length) }, () => {
          turn += 1;
          const operator = usable[turn % usable.length];
          return `${field}:${operator?.write(literal(value, anchor))}`;
        });
      });
      // MySQL compares a DATETIME with the strings of an IN list as strings: only its own way of writing one is no accident.
      const list = values
        .filter((value) => value !== null && !String(value).endsWith('Z'))
        .map((value) => literal(value, anchor));
      if (list.length > 1) clauses.push(`${field}:[${list.join(',')}]`, `${field}:-[${list.slice(0, 2).join(',')}]`);
      for (const filter of clauses)
        calls.push(
          get(`filter ${resource.as} ${resource.path}`, calls.length, resource, {
            filter,
            limit: '15',
            ...(resource.plannedBy?.includes(field) ? { order: resource.orders[0] ?? '' } : {}),
          }),
        );
    }
  }
  return calls;
}

/** Every order and every include of every resource, page by page. */
export function everyOrder(): Call[] {
  const calls: Call[] = [];
  for (const resource of resources) {
    for (const order of resource.orders) {
      for (const page of ['1', '2'])
        calls.push(get(`order ${resource.as} ${resource.path}`, calls.length, resource, { order, page, limit: '7' }));
    }
    for (const include of resource.includes)
      calls.push(get(`include ${resource.as} ${resource.path}`, calls.length, resource, { include, limit: '8' }));
    for (const limit of ['all', '1', '0', '-1', 'x'])
      calls.push(get(`limit ${resource.as} ${resource.path}`, calls.length, resource, { limit }));
    calls.push(get(`page ${resource.as} ${resource.path}`, calls.length, resource, { page: '99' }));
  }
  return calls;
}

/** `count` requests that chance puts together from clauses, orders, includes, pages and searches. */
export function randomRequests(seed: number, count: number, anchor: Date): Call[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, at) => {
    const resource = random.pick(resources);
    const joined = Array.from({ length: random.integer(0, 3) }, () => clause(random, resource, anchor));
    let filter = '';
    for (const part of joined)
      filter =
        filter === ''
          ? part
          : random.chance(0.25)
            ? `(${filter})${random.pick([',', '+'])}${part}`
            : `${filter}${random.pick([',', '+'])}${part}`;
    return get(`random ${resource.as} ${resource.path}`, at, resource, {
      filter,
      order: random.chance(0.5) ? random.pick(resource.orders) : ordered(resource, joined),
      include: random.chance(0.4) ? random.pick(resource.includes) : '',
      limit: random.chance(0.6) ? String(random.integer(1, 20)) : '',
      page: random.chance(0.2) ? String(random.integer(1, 4)) : '',
      search:
        resource.path === 'members' && random.chance(0.2)
          ? random.pick(['ecl', 'É', 'anna', '%', '_', '日本', '\\'])
          : '',
    });
  });
}

/** An order for those that need one. */
function ordered({ plannedBy = [], orders }: Resource, clauses: readonly string[]): string {
  return plannedBy.some((field) => clauses.some((part) => part.startsWith(`${field}:`))) ? (orders[0] ?? '') : '';
}

function clause(random: Random, resource: Resource, anchor: Date): string {
  const field = random.pick(Object.keys(resource.fields));
  const values = resource.fields[field] ?? [];
  const value = random.pick(values);
  if (value !== null && !String(value).endsWith('Z') && random.chance(0.15)) {
    const list = Array.from({ length: random.integer(1, 3) }, () => random.pick(values)).filter(
      (entry) => entry !== null && !String(entry).endsWith('Z'),
    );
    return `${field}:${random.chance(0.4) ? '-' : ''}[${[value, ...list].map((entry) => literal(entry, anchor)).join(',')}]`;
  }
  const operator = random.pick(operators.filter((candidate) => fits(candidate, value)));
  return `${field}:${operator.write(literal(value, anchor))}`;
}

function get(area: string, number: number, resource: Resource, query: Readonly<Record<string, string>>): Call {
  return {
    name: `${area} ${number + 1}`,
    method: 'GET',
    as: resource.as,
    path: pathOf(resource, query),
    ...(resource.unordered === undefined ? {} : { unordered: resource.unordered }),
  };
}
