//! In which order rows stand: by the headings where all rows are there, as a query gives them elsewhere.

use std::cmp::Ordering;

use super::columns::Column;

/// Which end of a column stands above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The first word, the smallest figure.
    Up,
    /// The last word, the largest figure.
    Down,
}

impl Way {
    fn turned(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }

    /// The mark in the heading.
    pub(super) fn arrow(self) -> &'static str {
        match self {
            Self::Up => " ↑",
            Self::Down => " ↓",
        }
    }

    /// The same for screen readers.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Up => "sorted upwards",
            Self::Down => "sorted downwards",
        }
    }
}

/// The heading by which rows stand, and which end is above.
pub(crate) type Mark = (&'static str, Way);

/// Who decides over the order of the rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Order {
    /// All rows are there: each heading sorts them.
    Rows {
        /// How they stand before a heading was clicked; `None` = by none of them.
        natural: Option<Mark>,
    },
    /// They are as they were asked for.
    Asked {
        /// By which heading they stand; `None` = by none of them.
        by: Option<Mark>,
        /// Headings by which they can be asked for as well.
        can: &'static [&'static str],
        /// Why the others do not sort.
        why: &'static str,
    },
}

impl Order {
    /// The mark that is to be seen.
    pub(super) fn mark(self, sorting: Sorting) -> Option<Mark> {
        match self {
            Self::Rows { natural } => sorting.0.or(natural),
            Self::Asked { by, .. } => by,
        }
    }

    /// Why a click on a heading does not sort; `None` = it does.
    pub(super) fn refuses(self, title: &str) -> Option<&'static str> {
        match self {
            Self::Rows { .. } => None,
            Self::Asked { can, why, .. } => (!can.contains(&title)).then_some(why),
        }
    }
}

/// How rows that are all there are sorted: by a heading that was clicked, else as they stand by nature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sorting(Option<Mark>);

impl Sorting {
    /// By a heading.
    #[cfg(test)]
    pub(crate) fn by(title: &'static str, way: Way) -> Self {
        Self(Some((title, way)))
    }

    /// After a click on a heading: figures begin with the largest, words with the first; a second click turns them round, a third is the natural
    /// order again.
    pub(super) fn clicked(self, column: &Column, natural: Option<Mark>) -> Self {
        let title = column.title;
        let first = if column.right { Way::Down } else { Way::Up };
        Self(match (natural, self.0) {
            (Some((by, way)), None) if by == title => Some((title, way.turned())),
            (Some((by, _)), Some(_)) if by == title => None,
            (_, Some((by, way))) if by == title => (way == first).then_some((title, first.turned())),
            _ => Some((title, first)),
        })
    }

    /// Puts places of items, which stand in their natural order, into this one. What is alike keeps the natural order, what is not known stands last.
    pub(crate) fn arrange<T>(self, places: &mut [usize], items: &[T], cell: impl Fn(&T, &'static str) -> SortKey) {
        let Some((by, way)) = self.0 else { return };
        let keys: Vec<SortKey> = items.iter().map(|item| cell(item, by)).collect();
        places.sort_by(|one, other| keys[*one].compare(&keys[*other], way));
    }
}

/// What a row is sorted by in one of its columns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SortKey {
    /// Words, whichever their case.
    Text(String),
    /// A figure.
    Number(f64),
    /// Not known.
    Unknown,
}

impl SortKey {
    /// Words; none are not known.
    pub(crate) fn text(text: &str) -> Self {
        if text.is_empty() { Self::Unknown } else { Self::Text(text.to_lowercase()) }
    }

    /// A figure, if it is known.
    pub(crate) fn number(figure: Option<f64>) -> Self {
        figure.filter(|figure| !figure.is_nan()).map_or(Self::Unknown, Self::Number)
    }

    fn compare(&self, other: &Self, way: Way) -> Ordering {
        let turned = |order: Ordering| if way == Way::Up { order } else { order.reverse() };
        match (self, other) {
            (Self::Unknown, Self::Unknown) => Ordering::Equal,
            (Self::Unknown, _) => Ordering::Greater,
            (_, Self::Unknown) => Ordering::Less,
            (Self::Number(one), Self::Number(other)) => turned(one.total_cmp(other)),
            (Self::Text(one), Self::Text(other)) => turned(one.cmp(other)),
            (Self::Number(_), Self::Text(_)) => turned(Ordering::Less),
            (Self::Text(_), Self::Number(_)) => turned(Ordering::Greater),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::columns::Width;
    use super::*;

    const NAME: Column = Column::left("name", Width::Share(1.0));
    const LAG: Column = Column::right("lag", Width::Points(60.0));
    const NATURAL: Mark = ("state", Way::Down);

    #[test]
    fn a_click_sorts_the_second_turns_round_and_the_third_is_as_at_first() {
        let state = Column::left("state", Width::Points(60.0));
        for (column, marks) in [
            (NAME, [Some(("name", Way::Up)), Some(("name", Way::Down)), None]),
            (LAG, [Some(("lag", Way::Down)), Some(("lag", Way::Up)), None]),
            (state, [Some(("state", Way::Up)), None, Some(("state", Way::Up))]),
        ] {
            let mut sorting = Sorting::default();
            for mark in marks {
                sorting = sorting.clicked(&column, Some(NATURAL));
                assert_eq!(sorting, Sorting(mark), "{}", column.title);
                assert_eq!(Order::Rows { natural: Some(NATURAL) }.mark(sorting), mark.or(Some(NATURAL)));
            }
        }
        assert_eq!(Sorting(Some(("name", Way::Down))).clicked(&LAG, Some(NATURAL)), Sorting(Some(("lag", Way::Down))), "another heading begins anew");
    }

    #[test]
    fn what_is_not_known_stands_last_either_way_and_what_is_alike_stays() {
        let items = [("b", Some(2.0)), ("B", None), ("a", Some(2.0)), ("c", Some(f64::NAN)), ("d", Some(7.0))];
        let cell = |item: &(&str, Option<f64>), title: &'static str| if title == "name" { SortKey::text(item.0) } else { SortKey::number(item.1) };
        let arranged = |sorting: Sorting| {
            let mut places: Vec<usize> = (0..items.len()).collect();
            sorting.arrange(&mut places, &items, cell);
            places
        };
        assert_eq!(arranged(Sorting::default()), [0, 1, 2, 3, 4]);
        assert_eq!(arranged(Sorting(Some(("lag", Way::Up)))), [0, 2, 4, 1, 3]);
        assert_eq!(arranged(Sorting(Some(("lag", Way::Down)))), [4, 0, 2, 1, 3]);
        assert_eq!(arranged(Sorting(Some(("name", Way::Up)))), [2, 0, 1, 3, 4]);
    }

    #[test]
    fn a_query_sorts_by_what_it_can_be_asked_for_and_says_why_by_nothing_else() {
        let asked = Order::Asked { by: Some(("lag", Way::Down)), can: &["lag"], why: "they are as they came" };
        assert_eq!(asked.mark(Sorting(Some(("name", Way::Up)))), Some(("lag", Way::Down)));
        assert_eq!((asked.refuses("lag"), asked.refuses("name")), (None, Some("they are as they came")));
    }
}
