/* The look of the page of --html: colours for light and dark, and which name has which. */
#include <string.h>

#include "html_parts.h"

const char hf_html_style[] =
    ":root{--paper:#fcfcfa;--ink:#1c1e21;--soft:#5c6370;--faint:#e4e4de;--card:#ffffff;--red:#c92a2a;"
    "--ours:#1864ab;--auto:#1c1e21;--vaes:#862e9c;--imb:#1971c2;--lc:#2b8a3e;--port:#d9480f;--bear:#946c1f;"
    "--nginx:#2b8a3e;--haproxy:#b35900;--token:#868e96;--jobs:#0b7285}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#16181c;--ink:#e9ecef;--soft:#a4abb6;--faint:#32363d;"
    "--card:#1e2126;--red:#ff8787;--ours:#4dabf7;--auto:#f1f3f5;--vaes:#da77f2;--imb:#4dabf7;--lc:#69db7c;"
    "--port:#ff922b;--bear:#d8b25a;--nginx:#69db7c;--haproxy:#ffa94d;--token:#adb5bd;--jobs:#3bc9db}}\n"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,'DejaVu Sans',sans-serif}"
    "header,main{max-width:1180px;margin:0 auto;padding:0 24px}header{padding-top:36px}"
    "h1{font-size:34px;line-height:1.2;margin:0;letter-spacing:-.02em}header p{margin:6px 0 0;color:var(--soft)}"
    "h2{font-size:23px;margin:52px 0 6px;letter-spacing:-.01em}h3{font-size:17px;margin:26px 0 4px}"
    "p,li,dd{max-width:76ch}section>p{margin:0 0 14px;color:var(--soft)}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:14px;margin:26px 0 0}"
    ".tile{background:var(--card);border:1px solid var(--faint);border-radius:10px;padding:14px 16px}"
    ".tile b{display:block;font-size:29px;line-height:1.15;letter-spacing:-.02em}"
    ".tile small{font-size:15px;font-weight:600;color:var(--soft)}"
    ".tile span{display:block;font-size:13.5px;line-height:1.35;color:var(--soft);margin-top:5px}\n"
    ".plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,500px),1fr));gap:18px 22px;"
    "align-items:start}"
    "figure{margin:0;background:var(--card);border:1px solid var(--faint);border-radius:10px;padding:14px 12px 6px "
    "16px}"
    "figcaption{font-weight:650;font-size:15.5px;margin:0 0 4px}"
    "svg{display:block;width:100%;height:auto;font:12px system-ui,'DejaVu Sans',sans-serif;overflow:visible}"
    "svg text{fill:var(--ink)}svg .tick,svg .axis{fill:var(--soft);font-size:11.5px}"
    "svg .grid{stroke:var(--faint);stroke-width:1;fill:none}svg .base{stroke:var(--soft);stroke-width:1;fill:none}"
    "svg .limit{stroke:var(--red);stroke-width:1.4;stroke-dasharray:2 3;fill:none}"
    "svg .line{fill:none;stroke:var(--c);stroke-width:2.2;stroke-linejoin:round}svg circle{fill:var(--c)}"
    "svg .lead{fill:none;stroke:var(--c);stroke-width:.8;opacity:.55}svg .name{fill:var(--c);font-size:11.5px}"
    "svg .value{font-weight:700}svg .bar{fill:var(--c)}svg .label{font-size:12px}"
    "svg .number{font-weight:650;font-size:12px}svg .note{fill:var(--soft);font-weight:400}"
    "svg .group{font-weight:650;font-size:12.5px;paint-order:stroke;stroke:var(--card);stroke-width:5px}"
    ".bare .line{stroke-dasharray:5 4;stroke-width:1.7}.bare circle{r:2.2px}.bare .bar{opacity:.5}"
    ".c-auto .line{stroke-width:5.5;opacity:.22}.c-auto circle{opacity:0}.c-auto .lead{opacity:.3}\n"
    ".c-auto{--c:var(--auto)}.c-ours{--c:var(--ours)}.c-vaes{--c:var(--vaes)}.c-imb{--c:var(--imb)}"
    ".c-lc{--c:var(--lc)}.c-port{--c:var(--port)}.c-bear{--c:var(--bear)}.c-nginx{--c:var(--nginx)}"
    ".c-haproxy{--c:var(--haproxy)}.c-token{--c:var(--token)}.c-jobs{--c:var(--jobs)}.c-other{--c:var(--soft)}\n"
    ".machine{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:10px 0}"
    ".machine dt{color:var(--soft)}.machine dd{margin:0;overflow-wrap:anywhere}"
    "details{margin:14px 0}summary{cursor:pointer;font-weight:600}details .plots{margin-top:14px}"
    ".scroll{overflow-x:auto;max-height:560px;overflow-y:auto;margin-top:8px}"
    "table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}"
    "th,td{text-align:left;padding:3px 14px 3px 0;border-bottom:1px solid var(--faint);white-space:nowrap}"
    "th{position:sticky;top:0;background:var(--paper);color:var(--soft);font-weight:600}td.n{text-align:right}"
    "code{font-size:.92em}main{padding-bottom:60px}\n"
    "@media print{details{display:none}figure{break-inside:avoid}}\n";

const char *hf_style_of(const char *name)
{
    static const struct {
        const char *begin; /* of the name: the first that fits */
        const char *style;
    } styles[] = {
        {"auto", "c-auto"},         {"vaes", "c-vaes"},
        {"ifma", "c-vaes"},         {"shani", "c-vaes"}, /* other ciphers: never in one plot */
        {"ipsecmb", "c-imb"},       {"ipsec-mb-jobs", "c-jobs bare"},
        {"ipsec-mb", "c-imb bare"}, {"libcrypto-", "c-lc bare"},
        {"libcrypto", "c-lc"},      {"mixed", "c-token"},
        {"portable", "c-port"},     {"bearssl", "c-bear bare"},
        {"handfast", "c-ours"},     {"nginx-file", "c-nginx bare"},
        {"nginx", "c-nginx"},       {"haproxy", "c-haproxy"},
        {"token", "c-token"},
    };

    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++)
        if (strncmp(name, styles[i].begin, strlen(styles[i].begin)) == 0)
            return styles[i].style;
    return "c-other";
}
