"""How the page looks: light and dark, on paper, on a phone."""

STYLE = """
:root{--paper:#fff;--ink:#1b1e23;--pale:#5c636e;--line:#e2e5ea;--lane:#f5f6f8;--accent:#0b62a8;
--good:11 112 190;--bad:222 98 10;--first:#0b70be;--second:#cf5c06}
@media(prefers-color-scheme:dark){:root{--paper:#15171b;--ink:#e7e9ed;--pale:#9ba3af;--line:#2d323a;--lane:#1d2026;
--accent:#6cb6f5;--good:64 150 225;--bad:240 128 52;--first:#5fb0f2;--second:#f39a4e}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1080px;margin:0 auto;padding:2.5rem 1.75rem 4rem}
h1{font-size:2.5rem;line-height:1.15;letter-spacing:-.02em;margin:0;overflow-wrap:anywhere}
h2{font-size:1.3rem;line-height:1.3;letter-spacing:-.01em;margin:0 0 1rem}
h3{font-size:1rem;margin:1.25rem 0 .5rem}
p{margin:0 0 .75rem;max-width:46rem}
section{margin-top:2.75rem;padding-top:1.75rem;border-top:1px solid var(--line)}
small{font-size:.8125rem;color:var(--pale);font-weight:400}
.kicker{font-size:.8125rem;letter-spacing:.04em;color:var(--accent);font-weight:600;margin:0 0 .35rem}
.about{color:var(--pale);margin-top:.5rem}
.hero{display:grid;grid-template-columns:auto minmax(0,1fr);gap:2.5rem;align-items:center;margin:1.75rem 0 1.5rem;
padding:1.5rem 1.75rem;background:var(--lane);border-radius:14px}
.headline p{margin:0}
.what{color:var(--pale);font-size:.9375rem}
.number{font-size:3.75rem;line-height:1.1;font-weight:650;letter-spacing:-.03em;color:var(--first)}
.around{color:var(--pale)}
.facts{display:flex;flex-wrap:wrap;gap:.75rem 2.25rem;margin:0}
.facts dt{font-size:.8125rem;color:var(--pale)}
.facts dd{margin:0;font-size:1.0625rem;font-weight:600}
pre{margin:0;padding:.9rem 1.1rem;background:var(--lane);border-radius:10px;overflow-x:auto;
font:.875rem/1.65 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.sentence{white-space:pre-wrap;font-size:1rem}
.page{white-space:pre-wrap;overflow-wrap:anywhere}
.written th,.written td{text-align:left;vertical-align:top;width:33%}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9375rem}
caption{text-align:left;color:var(--pale);font-size:.875rem;padding-bottom:.6rem}
caption>span{display:block;position:sticky;left:0;width:max-content;max-width:min(46rem,calc(100vw - 2rem))}
th,td{padding:.42rem .8rem;text-align:right;border-top:1px solid var(--line);font-weight:400;vertical-align:middle}
thead th,thead td{border-top:0;font-size:.8125rem;color:var(--pale);vertical-align:bottom}
tbody th,tfoot th,th:first-child{text-align:left}
th:first-child{padding-left:0}
td:last-child,th:last-child{padding-right:0}
tfoot td,tfoot th{font-weight:600;border-top:1px solid var(--pale)}
th small{display:block}
.measures th:first-child{min-width:10rem}
.measure{white-space:nowrap}
.measure b{font-weight:600}
.stages :nth-child(2),.plan tr>*,.examples :nth-child(2),.examples :nth-child(3){text-align:left}
.examples td,.numbers td{white-space:nowrap}
.examples td:nth-child(2),.examples td:nth-child(3){min-width:9rem;white-space:normal}
.stages{max-width:46rem}.stages th,.stages td{padding-top:.28rem;padding-bottom:.28rem}
.stages tbody th,.plan td{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;
font-size:.875rem}
.plan{table-layout:fixed}
.plan th:first-child{width:9.5rem}
.plan td{overflow-wrap:anywhere}
.pair{display:grid;grid-template-columns:minmax(0,3fr) minmax(0,2fr);gap:2.5rem;align-items:start}
.intervals thead{display:none}
.intervals th,.intervals td,.intervals tfoot *{border:0;padding-top:.15rem;padding-bottom:.15rem}
.intervals tbody tr:first-child th{font-weight:600}
.intervals tbody th{white-space:nowrap}
.intervals td.track{width:55%}
td.track{padding-left:.2rem;padding-right:.6rem;min-width:6rem}
svg{display:block;width:100%;overflow:visible}
svg text{font-size:13px;font-weight:400;fill:var(--pale);font-family:inherit}
.grid{stroke:var(--line)}
.base{stroke:var(--pale)}
.track .interval{stroke-width:4;stroke-linecap:round;opacity:.45}
.track.first *{stroke:var(--first)}.track.first circle{fill:var(--first)}
.track.second *{stroke:var(--second)}.track.second circle{fill:var(--second)}
.track .grid,.track.first .grid,.track.second .grid{stroke:var(--line)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:2rem 2.5rem}
figure{margin:0;min-width:0;break-inside:avoid}
figcaption{margin-bottom:.15rem}
.legend{display:flex;flex-wrap:wrap;gap:0 1.1rem;font-size:.8125rem;color:var(--pale);margin-bottom:.2rem}
.legend span{display:inline-flex;align-items:center;gap:.4rem}
.legend i{width:16px;height:3px;border-radius:2px;background:var(--first)}
.legend i.second{background:var(--second)}
.legend i.faint{opacity:.35}
.legend i.skipped{width:0;height:0;background:none;border:5px solid transparent;border-top:0;border-radius:0;
border-bottom:9px solid var(--second)}
.line path{fill:none;stroke:var(--first);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.line circle{fill:var(--first)}
.line.second path{stroke:var(--second)}.line.second circle{fill:var(--second)}
.line.faint path{stroke-width:1;opacity:.35}.line.faint circle{opacity:.35}
path.skipped{fill:var(--second)}
.agree{stroke:var(--pale);stroke-dasharray:5 5}
.dots circle{fill:var(--first);fill-opacity:.45}
.bars rect{fill:var(--first)}
.classes tfoot *{border:0}
.confusion{width:auto}
.confusion td,.confusion thead th{text-align:center;min-width:2.9rem;padding:.4rem .35rem;border:2px solid var(--paper);
border-radius:6px}
.confusion th:first-child{max-width:14rem;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;padding-right:.8rem}
.confusion tfoot *,.confusion td:last-child,.confusion thead th:last-child{color:var(--pale);font-weight:400}
.confusion tr>th:first-child{border-color:transparent;text-align:left}
.confusion .none{color:var(--pale);opacity:.6}
.names thead th:not(:first-child) span{writing-mode:vertical-rl;transform:rotate(180deg);max-height:9rem;
overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.tiles{list-style:none;margin:0;padding:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(148px,1fr));gap:.9rem}
.tiles li{background:var(--lane);border-radius:12px;padding:.7rem;border:2px solid transparent}
.tiles li.wrong{border-color:rgb(var(--bad)/.7)}
.tiles img{width:100%;aspect-ratio:1;object-fit:contain;image-rendering:pixelated;border-radius:6px;background:#0003;
margin-bottom:.45rem;display:block}
.tiles .line{display:flex;justify-content:space-between;gap:.5rem;font-size:.875rem;line-height:1.4;
overflow-wrap:anywhere}
.drawing{margin-bottom:1.75rem}
.drawing img{max-width:100%;height:auto;border-radius:8px;display:block}
.p{color:var(--pale);white-space:nowrap}
.wrong b,b.bad{color:var(--second)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
@media(max-width:640px){main{padding:1.5rem 1rem 3rem}h1{font-size:2rem}
.hero{grid-template-columns:minmax(0,1fr);gap:1.25rem;padding:1.1rem}.number{font-size:3rem}.pair{grid-template-columns:minmax(0,1fr)}
.intervals td.track{width:auto}.intervals caption>span{max-width:calc(100vw - 4.5rem)}.inner{display:none}
.intervals .measure small{display:block}.intervals th,.intervals td{padding-left:.25rem;padding-right:.25rem}
.chart svg text{font-size:16px}.plan th:first-child{width:8.5rem}.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}}
@media print{:root{--paper:#fff;--ink:#000;--pale:#444;--line:#ccc;--lane:#f4f4f4}body{font-size:11px}
main{max-width:none;padding:0}section{break-inside:auto}h2{break-after:avoid}tr,li{break-inside:avoid}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
.scroll,pre{overflow:visible}pre{white-space:pre-wrap}}
"""
