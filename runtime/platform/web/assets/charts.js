// Draws each element that carries a series: days on the x axis, one line a series.
// biome-ignore lint/correctness/noUnresolvedImports: web/assets.ts serves it beside this file.
import uPlot from '/assets/uplot.js';

const ink = () => getComputedStyle(document.body).color;
const accents = ['--accent', '--good', '--warn', '--bad'];
// A canvas knows no light-dark(): the colour is asked of an element that has it.
const swatch = document.body.appendChild(document.createElement('i'));
swatch.hidden = true;
const accent = (index) => {
  swatch.style.color = `var(${accents[index % accents.length]})`;
  return getComputedStyle(swatch).color;
};

for (const element of document.querySelectorAll('[data-series]')) {
  const { days, series, divisor = 1 } = JSON.parse(element.dataset.series);
  const data = [
    days.map((day) => Date.parse(`${day}T00:00:00Z`) / 1000),
    ...series.map(({ values }) => values.map((value) => (value === null ? null : value / divisor))),
  ];
  const axis = { stroke: ink, grid: { stroke: 'rgba(128, 128, 128, 0.2)' } };
  const chart = new uPlot(
    {
      width: element.clientWidth,
      height: 220,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'UTC'),
      series: [
        {},
        ...series.map(({ label }, index) => ({
          label,
          stroke: () => accent(index),
          width: 2,
          points: { show: false },
        })),
      ],
      axes: [axis, { ...axis, size: 64 }],
      scales: { y: { range: (_chart, _low, high) => [0, Math.max(1, high * 1.05)] } },
    },
    data,
    element,
  );
  new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: 220 })).observe(element);
}
