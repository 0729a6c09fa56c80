//! The picture as a web page that needs nothing else: point at it and read.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{Timeline, clock, ticks};

/// Columns of a row.
const COLUMNS: usize = 960;

const HEAD: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>
body{background:#121216;color:#bebec8;font:14px system-ui,sans-serif;margin:1rem}
h1{font-size:1.1rem;font-weight:600}
#show{display:grid;grid-template-columns:max-content 1fr;gap:2px .75rem;align-items:center}
canvas{width:100%;height:26px;image-rendering:pixelated;display:block}
#axis{position:relative;height:1.4em}#axis span{position:absolute;color:#888}
#now{position:sticky;bottom:0;background:#121216;padding:.4rem 0;min-height:1.4em}
#now i{display:inline-block;width:1em;height:1em;vertical-align:-.15em;border:1px solid #555}
</style></head><body>
"#;

/// Draws the rows; `rows` is [name, colours, peaks, strobing], two hexadecimal digits a channel.
const SCRIPT: &str = r#"
const show=document.getElementById('show'),now=document.getElementById('now');
const clock=s=>{const h=Math.floor(s/3600),m=Math.floor(s/60)%60,t=(s%60).toFixed(2).padStart(5,'0');
return h?`${h}:${String(m).padStart(2,'0')}:${t}`:`${m}:${t}`};
for(const [name,mean,peak,strobe] of rows){
const label=document.createElement('div'),canvas=document.createElement('canvas');
label.textContent=name;canvas.width=columns;canvas.height=24;
const g=canvas.getContext('2d');
for(let x=0;x<columns;x++){
g.fillStyle='#'+mean.substr(x*6,6);g.fillRect(x,0,1,18);
g.fillStyle='#'+peak.substr(x*6,6);g.fillRect(x,18,1,6);
if(strobe[x]==='1'&&x%4<2){g.fillStyle='#000';g.fillRect(x,0,1,18)}}
canvas.onmousemove=e=>{const r=canvas.getBoundingClientRect();
const x=Math.max(0,Math.min(columns-1,Math.floor((e.clientX-r.left)/r.width*columns)));
const c='#'+mean.substr(x*6,6),p='#'+peak.substr(x*6,6),i=document.createElement('i');
i.style.background=c;now.textContent='';now.append(i,
` ${clock(x/columns*seconds)}  ${name}  mean ${c}  brightest ${p}${strobe[x]==='1'?'  strobing':''}`)};
show.append(label,canvas)}
"#;

impl Timeline {
    /// Writes the picture as a web page: 13 KB for each group, no other file, no network.
    pub fn write_html(&self, mut out: impl Write) -> io::Result<()> {
        out.write_all(HEAD.as_bytes())?;
        let title = escaped(&self.title);
        writeln!(out, "<title>{title}</title><h1>{title}</h1>")?;
        if self.left_out > 0 {
            writeln!(out, "<p>{} more groups are not shown.</p>", self.left_out)?;
        }
        out.write_all(b"<div id=\"show\"><div></div><div id=\"axis\">")?;
        let end = self.end.as_nanos().max(1);
        for at in ticks(self.end, 12) {
            let permille = u128::from(at.as_nanos()) * 960 / u128::from(end);
            let (whole, tenth) = (permille / 10, permille % 10);
            write!(out, "<span style=\"left:{whole}.{tenth}%\">{}</span>", clock(at))?;
        }
        let millis = end / 1_000_000;
        writeln!(out, "</div></div><p id=\"now\">Point at a row.</p>\n<script>")?;
        writeln!(out, "const columns={COLUMNS},seconds={}.{:03};", millis / 1000, millis % 1000)?;
        writeln!(out, "const rows=[")?;
        for row in &self.rows {
            let (mut mean, mut peak, mut strobing) = (String::new(), String::new(), String::new());
            for column in self.columns(row, COLUMNS) {
                let [r, g, b] = column.mean;
                let _ = write!(mean, "{r:02x}{g:02x}{b:02x}");
                let [r, g, b] = column.peak;
                let _ = write!(peak, "{r:02x}{g:02x}{b:02x}");
                strobing.push(if column.strobing { '1' } else { '0' });
            }
            let name = serde_json::to_string(&row.name)?.replace('<', "\\u003c");
            writeln!(out, "[{name},\"{mean}\",\"{peak}\",\"{strobing}\"],")?;
        }
        writeln!(out, "];{SCRIPT}</script></body></html>")?;
        out.flush()
    }
}

/// Text that cannot be taken for a tag.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use crate::look::Look;
    use crate::show::render::Timeline;
    use crate::time::Time;

    #[test]
    fn a_page_holds_every_row_and_no_name_breaks_out_of_it() {
        let names = ["a</script><b>".to_owned(), "\"quoted\"".to_owned()];
        let mut timeline = Timeline::new("<show>", &names);
        timeline.set(Time::ZERO, 0, Look { red: 255, dimmer: 255, ..Look::DARK });
        timeline.end(Time::from_millis(1500));
        let mut page = Vec::new();
        timeline.write_html(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        assert!(page.contains("&lt;show&gt;") && page.contains("seconds=1.500"));
        assert!(page.contains("\"a\\u003c/script>") && page.contains("\"\\\"quoted\\\"\""));
        assert!(page.contains(&"ff0000".repeat(900)));
        assert_eq!(page.matches("</script>").count(), 1);
        assert!(!page.contains("http"), "it loads nothing");
    }
}
