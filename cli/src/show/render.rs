//! `wristcast show render`.

use std::io::{BufReader, Write};
use std::path::PathBuf;

use wristcast_core::show::offline::{OfflineError, replay_seeing};
use wristcast_core::show::render::Timeline;

use crate::exit::Failure;
use crate::output_file::{OutputFile, cannot_write};
use crate::recorded::{self, ReadArgs, clock};
use crate::show_file::ShowFile;

/// Draw what the groups of a show file do in a recorded show: a picture over time.
///
/// The recording goes through the relay's own engine, so the picture has every merge, fade, delay
/// and loss of signal that the crowd would see. A .html picture tells more when pointed at.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast show render show.pcapng --show show.toml -o crowd.png
  wristcast show render show.fseq --show show.toml -o crowd.html

Exit codes: 0 ok, 1 one of the files is wrong or damaged, 2 command line wrong, 3 cannot write")]
pub(super) struct Args {
    /// The recorded show.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The show file, whose groups are drawn.
    #[arg(long, value_name = "SHOW.toml")]
    show: PathBuf,
    /// The picture: .png or .html.
    #[arg(short, long, value_name = "PICTURE")]
    output: PathBuf,
    #[command(flatten)]
    read: ReadArgs,
    /// Replace a file that is there already.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let ending = args.output.extension().map(|ending| ending.to_ascii_lowercase());
    let html = match ending.as_ref().and_then(|ending| ending.to_str()) {
        Some("png") => false,
        Some("html" | "htm") => true,
        _ => return Err(Failure::usage("the picture's name must end in .png or .html")),
    };
    let config = ShowFile::read(&args.show)?.report()?;
    let input = BufReader::new(recorded::open(&args.file)?);
    let mut picture = OutputFile::create(&args.output, args.force)?;

    let groups: Vec<String> = config.groups.iter().map(|group| group.name.clone()).collect();
    let recording = args.file.file_name().unwrap_or(args.file.as_os_str()).to_string_lossy();
    let mut timeline = Timeline::new(&format!("{} - {recording}", config.name), &groups);
    let replayed = replay_seeing(input, &args.read.options(), &config, |at, group, look| {
        timeline.set(at, group, look);
        Ok(())
    });
    let (length, error) = match replayed {
        Ok(replayed) => {
            recorded::warn(&args.file, &replayed.warnings);
            (replayed.length, None)
        }
        Err(OfflineError::Show(error)) if error.records > 0 => (error.last, Some(error)),
        Err(error) => return Err(Failure::recording(&args.file, error)),
    };
    timeline.end(length);
    let written =
        if html { timeline.write_html(&mut picture) } else { timeline.write_png(&mut picture) };
    written.map_err(|error| cannot_write(&args.output, error))?;
    picture.commit()?;
    writeln!(out, "{}: {} groups, {}", args.output.display(), groups.len(), clock(length))?;
    match error {
        None => Ok(()),
        Some(error) => {
            let text = format!("{error}; {} shows those", args.output.display());
            Err(Failure::recording(&args.file, text))
        }
    }
}
