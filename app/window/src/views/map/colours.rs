//! Which ink a line or a box of the map has: by how it is doing first, then by what is looked at.

use crate::{ink::Tone, theme::Ink};

use super::scene::{SceneEdge, SceneNode};

/// The ink of a line; `is_grouped` = it runs among groups, where what is as usual stays in the background.
pub(super) fn edge_ink(edge: &SceneEdge, is_selected: bool, is_lit: bool, is_grouped: bool) -> Ink {
    match edge.tone {
        Tone::Bad => Ink::Bad,
        Tone::Warn => Ink::Warn,
        _ if is_selected => Ink::Accent,
        _ if is_lit => Ink::Dim,
        _ if is_grouped => Ink::Line,
        _ => Ink::Edge,
    }
}

/// Ink and width (points) of a box's border.
pub(super) fn node_border(node: &SceneNode, is_selected: bool, is_lit: bool) -> (Ink, f32) {
    match node.tone {
        _ if is_selected => (Ink::Accent, 2.0),
        Tone::Bad => (Ink::Bad, 1.4),
        Tone::Warn => (Ink::Warn, 1.4),
        _ if is_lit => (Ink::Dim, 1.2),
        _ => (Ink::Line, 1.2),
    }
}

/// What fills a box that is too small for words; `usual` = what fills it where it is well.
pub(super) fn spot_fill(node: &SceneNode, usual: Ink) -> Ink {
    match node.tone {
        _ if node.silent_ns.is_some() => Ink::Background,
        Tone::Bad => Ink::BadFill,
        Tone::Warn => Ink::WarnFill,
        _ => usual,
    }
}
