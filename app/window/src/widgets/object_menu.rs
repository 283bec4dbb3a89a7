//! What views and widgets tell of a right click and of where the selected object stands; `shell/object_menu.rs` shows the menu.

use egui::{Context, Id, Rect};

use crate::view::ViewAction;

/// What was told in this frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// The text under the pointer, to be copied.
    pub text: Option<String>,
    /// What a click there does, where it is not the selected object's.
    pub action: Option<ViewAction>,
    /// Something was offered.
    pub is_offered: bool,
    /// Where the selected object stands.
    pub selected: Option<Rect>,
}

/// A right click was on this text, and on what leads there: the menu offers both beside the commands of the selected object.
pub(crate) fn offer(ctx: &Context, text: Option<&str>, action: Option<&ViewAction>) {
    ctx.data_mut(|data| {
        let told = data.get_temp_mut_or_default::<Told>(place());
        (told.text, told.action, told.is_offered) = (text.map(str::to_owned), action.cloned(), true);
    });
}

/// The selected object stands here: the keyboard opens its menu beside it.
pub(crate) fn note_selected(ctx: &Context, rect: Rect) {
    ctx.data_mut(|data| data.get_temp_mut_or_default::<Told>(place()).selected = Some(rect));
}

/// What was told since this was asked last.
pub(crate) fn take(ctx: &Context) -> Told {
    ctx.data_mut(|data| data.remove_temp(place())).unwrap_or_default()
}

fn place() -> Id {
    Id::unique("told of objects")
}
