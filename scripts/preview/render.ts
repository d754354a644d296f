import type { SiteStory } from './describe.ts';
import type { ResourceStep, StackDiff } from './resource-diff.ts';

/** Everything that a preview says. */
export interface Preview {
  readonly base: string;
  readonly stories: readonly SiteStory[];
  /** Files of the program itself that changed: every site may be touched. */
  readonly program: readonly string[];
  readonly stacks: readonly StackDiff[];
}

/** First line of the comment in a pull request, by which it is found and updated in place. */
export const commentMarker = '<!-- ghost-fleet preview -->';

const signs: Readonly<Record<string, string>> = { create: '+', update: '~', delete: '-', replace: '±', retain: '=' };

/** Markdown for a pull request. */
export function renderMarkdown(preview: Preview): string {
  const { stories, program, stacks } = preview;
  const creators = [...new Set(stories.flatMap((story) => story.creators))];
  const lines = [
    commentMarker,
    `## ${headline(preview)}`,
    '',
    ...(creators.length > 0 ? [`Creators touched: ${creators.join(', ')}.`, ''] : []),
    ...stories.flatMap((story) => [
      `### \`${story.slug}\` is ${story.what}`,
      '',
      ...story.sentences.map((sentence) => `- ${sentence}`),
      ...(story.risk === undefined ? [] : [`- **Data at risk:** ${story.risk}`]),
      '',
    ]),
    ...(program.length > 0
      ? [`Files of the program changed, so every site may be touched: ${summary(program)}.`, '']
      : []),
    ...stacks.flatMap(stackMarkdown),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Whether somebody has to do something else first: data would be lost, or stay behind. */
export function isAtRisk(preview: Pick<Preview, 'stories' | 'stacks'>): boolean {
  const steps = preview.stacks.flatMap((stack) => ('steps' in stack ? stack.steps : []));
  return isRefused(preview) || steps.some(({ risk }) => risk !== undefined);
}

function isRefused({ stories, stacks }: Pick<Preview, 'stories' | 'stacks'>): boolean {
  return stories.some(({ refused }) => refused) || stacks.some((stack) => 'refused' in stack);
}

function headline({ stories, stacks }: Preview): string {
  const risks = stacks.flatMap((stack) => ('steps' in stack ? stack.steps.filter(({ risk }) => risk) : [])).length;
  const refused = isRefused({ stories, stacks }) ? '; REFUSED: data would stay behind' : '';
  const what = stories.length === 0 ? 'No site of the registry changes' : countStories(stories);
  return `${what}${risks > 0 ? `; DATA AT RISK in ${risks} resources` : ''}${refused}`;
}

function countStories(stories: readonly SiteStory[]): string {
  const kinds = [...new Set(stories.map((story) => story.what))];
  const counts = kinds.map((kind) => `${stories.filter(({ what }) => what === kind).length} ${kind}`);
  return `${stories.length === 1 ? 'One site' : `${stories.length} sites`}: ${counts.join(', ')}`;
}

function summary(files: readonly string[]): string {
  const shown = files.slice(0, 5).map((file) => `\`${file}\``);
  return files.length > shown.length ? `${shown.join(', ')} and ${files.length - shown.length} more` : shown.join(', ');
}

function stackMarkdown(diff: StackDiff): string[] {
  if ('missing' in diff) {
    return [`### Stack \`${diff.stack}\``, '', `No resource diff: ${diff.missing}.`, ''];
  }
  if ('refused' in diff) {
    const reasons = diff.refused.map((reason) => `- **Data at risk:** ${reason}`);
    return [`### Stack \`${diff.stack}\`: refused`, '', ...reasons, ''];
  }
  const { stack, steps, unchanged } = diff;
  const atRisk = steps.filter(({ risk }) => risk !== undefined);
  return [
    `### Stack \`${stack}\`: ${countSteps(steps)}, ${unchanged} unchanged`,
    '',
    ...atRisk.map(({ type, name, risk }) => `- **Data at risk:** \`${type}\` \`${name}\` ${risk}.`),
    ...(atRisk.length > 0 ? [''] : []),
    ...(steps.length === 0
      ? []
      : ['<details><summary>Resources</summary>', '', '```diff', ...steps.map(stepLine), '```', '', '</details>', '']),
  ];
}

function countSteps(steps: readonly ResourceStep[]): string {
  const ops = [...new Set(steps.map(({ op }) => op))];
  return ops.length === 0
    ? 'no change'
    : ops.map((op) => `${steps.filter((step) => step.op === op).length} to ${op}`).join(', ');
}

function stepLine({ op, type, name, properties, site }: ResourceStep): string {
  const kind = type.split(':').at(-1) ?? type;
  const changed = properties.length > 0 ? ` [${properties.slice(0, 8).join(', ')}]` : '';
  return `${signs[op] ?? op} ${site ?? 'platform'} ${kind} ${name}${changed}`;
}

/** The same for a terminal: no markup. */
export function renderTerminal(preview: Preview): string {
  return withoutMarkup(renderMarkdown(preview));
}

/** One stack's resources for a terminal. */
export function renderStack(diff: StackDiff): string {
  return withoutMarkup(stackMarkdown(diff).join('\n'));
}

function withoutMarkup(markdown: string): string {
  return markdown
    .split('\n')
    .filter((line) => line !== commentMarker && !/^(```|<\/?details)/.test(line))
    .map((line) => line.replace(/^#+ /, '').replaceAll('**', '').replaceAll('`', ''))
    .join('\n')
    .replace(/^\n+/, '')
    .replaceAll(/\n{3,}/g, '\n\n');
}
