//! "Did you mean": the valid name nearest to one that is not.

/// The candidate that `text` was probably meant to be. Equal candidates: the first.
pub(super) fn nearest<'c>(
    text: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let text = text.trim().to_lowercase();
    // Nobody mistypes a novel; and the distance takes time in proportion to both lengths.
    if text.is_empty() || text.len() > 64 {
        return None;
    }
    let length = text.chars().count();
    let mistakes_max = (length / 3).max(1);
    // `None`: too far away. What is too short or too long is not even compared.
    let distance = |candidate: &str| {
        if text.len() >= 3 && (candidate.starts_with(&text) || text.starts_with(candidate)) {
            return Some(strsim::osa_distance(&text, candidate).min(mistakes_max));
        }
        (candidate.chars().count().abs_diff(length) <= mistakes_max)
            .then(|| strsim::osa_distance(&text, candidate))
            .filter(|&mistakes| mistakes <= mistakes_max)
    };
    candidates
        .into_iter()
        .filter(|candidate| !candidate.is_empty() && candidate.len() <= 128)
        .filter_map(|candidate| Some((distance(&candidate.to_lowercase())?, candidate)))
        .min_by_key(|&(mistakes, _)| mistakes)
        .map(|(_, candidate)| candidate)
}

/// `did you mean …` if something is near, else what there is.
pub(super) fn suggestion(text: &str, candidates: &[&str]) -> String {
    match nearest(text, candidates.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("there is {}", list(candidates, "and")),
    }
}

/// Names that are listed one by one: no table of a show has more keys.
const LISTED_MAX: usize = 16;

/// `` `a`, `b` and `c` ``, or with "or" between the last two; of many the first ones.
pub(super) fn list(names: &[&str], between: &str) -> String {
    let quoted = |names: &[&str]| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    match names {
        [] => "nothing".to_owned(),
        [only] => format!("`{only}`"),
        [most @ .., last] if most.len() < LISTED_MAX => {
            format!("{} {between} `{last}`", quoted(most))
        }
        _ => format!("{} and {} more", quoted(&names[..LISTED_MAX]), names.len() - LISTED_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_find_the_name_that_was_meant() {
        let keys = ["name", "universe", "address", "personality", "delay_ms", "loss"];
        for (typed, meant) in [
            ("adress", Some("address")),
            ("Universe", Some("universe")),
            ("delay", Some("delay_ms")),
            ("personalty", Some("personality")),
            ("los", Some("loss")),
            ("nmae", Some("name")),
            ("colour", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(typed, keys), meant, "{typed}");
        }
    }
}
