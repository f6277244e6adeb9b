// Colours and the common look of charts. Okabe and Ito's palette, which colour-blind people can tell apart, with a
// darker yellow and with grey.

const PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#b8a900"];
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "hexagon", "star"];

const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
let chosenTheme = null;

const isDark = () => (chosenTheme ? chosenTheme === "dark" : prefersDark.matches) && !document.printing;
const isNarrow = () => window.innerWidth < 760;

function applyTheme() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
}

function tint(hex, alpha) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return `rgba(${r},${g},${b},${alpha})`;
}

/** The i-th way of drawing a line: colours first, then dashes. */
const lineStyle = (i) => ({
  color: PALETTE[i % PALETTE.length],
  dash: DASHES[Math.floor(i / PALETTE.length) % DASHES.length],
  symbol: SYMBOLS[i % SYMBOLS.length],
});

function layout(more = {}) {
  const ink = isDark() ? "#e8ecf2" : "#1c2330", grid = isDark() ? "#333c4a" : "#e3e6eb";
  const axis = { gridcolor: grid, zerolinecolor: grid, linecolor: grid, automargin: true, title: { standoff: 8 } };
  const { xaxis = {}, yaxis = {}, ...rest } = more;
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: ink, size: 12, family: "system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif" },
    margin: { l: 56, r: 14, t: 10, b: 46 },
    hoverlabel: { align: "left", namelength: -1, font: { size: 11 } },
    legend: isNarrow() ? { orientation: "h", y: -0.22, font: { size: 10 } } : { font: { size: 11 } },
    xaxis: { ...axis, ...xaxis }, yaxis: { ...axis, ...yaxis },
    ...rest,
  };
}

const CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"], toImageButtonOptions: { format: "svg" } };

/** Sequential, dark to light in dark pages and light to dark in light ones. */
const heat = () => (isDark()
  ? [[0, "#1a202a"], [0.5, "#00669e"], [1, "#9ad8ff"]]
  : [[0, "#f6f7f9"], [0.5, "#6fb3d9"], [1, "#003d66"]]);

const draw = (id, traces, more) => Plotly.react(byId(id), traces, layout(more), CONFIG);
