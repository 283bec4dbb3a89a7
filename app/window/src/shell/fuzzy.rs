//! Fuzzy matching for short lists: all letters of the query in order, better where they begin words or follow one another.

/// Letters of a query by which texts are weighed; by those behind them they are only told from others.
const WEIGHED_MAX: usize = 64;

/// How well the query matches, higher is better; `None` where a letter is missing. Every text matches an empty query.
pub(crate) fn score(query: &str, text: &str) -> Option<i32> {
    let mut query: Vec<char> = query.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    if query.is_empty() {
        return Some(0);
    }
    let mut letters = text.iter();
    if !query.iter().all(|letter| letters.any(|other| other == letter)) {
        return None;
    }
    query.truncate(WEIGHED_MAX);
    // best[j]: the best score of the letters so far with the last one at text[j].
    let mut best: Vec<Option<i32>> = vec![None; text.len()];
    for (index, &letter) in query.iter().enumerate() {
        let mut next = vec![None; text.len()];
        let mut reached: Option<i32> = None;
        for (position, &c) in text.iter().enumerate() {
            if c == letter {
                let begins_word = position == 0 || !text[position - 1].is_alphanumeric();
                let own = if begins_word { 8 } else { 1 };
                let follows = position.checked_sub(1).and_then(|before| best[before]).map(|score| score + 6);
                let before = if index == 0 { Some(0) } else { follows.max(reached) };
                next[position] = before.map(|score| score + own);
            }
            reached = reached.max(best[position]);
        }
        best = next;
    }
    best.into_iter().flatten().max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_measure::growth::assert_linear;

    #[test]
    fn letters_in_order_match_and_beginnings_of_words_win() {
        assert_eq!(score("", "Quit"), Some(0));
        assert_eq!(score("xq", "Quit"), None);
        assert_eq!(score("tiuq", "Quit"), None);
        assert!(score("fm", "Fit the map") > score("fm", "Find a command…"));
        assert!(score("dark", "Theme: dark") > score("dark", "Read all sources again now, keys"));
        assert!(score("theme l", "Theme: light").is_some());
        let long = "ab".repeat(WEIGHED_MAX);
        assert!(score(&long, &long) > Some(0) && score(&(long.clone() + "x"), &long).is_none());
    }

    #[test]
    fn a_query_and_a_text_twice_as_long_take_twice_the_time() {
        for (query, text) in [("a", "a"), ("a", "ab"), ("ab", "a b "), ("é", "é"), ("日本", "本日本"), ("b", "a")] {
            let both = |len: usize| (query.repeat(len / query.len()), text.repeat(len / text.len()));
            assert_linear(&format!("{query:?} in {text:?}"), 1 << 14, both, |(query, text)| score(query, text));
        }
    }
}
