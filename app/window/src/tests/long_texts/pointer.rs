//! What the pointer does in a long text, frame by frame.

use std::time::Duration;

use egui::{Event, Key, Modifiers, OutputCommand, PointerButton, Pos2, ViewportId, accesskit::Role, pos2, text::CCursor, vec2};
use egui_kittest::{Harness, kittest::Queryable as _};

use super::{CTRL, MIB, PLACES, is_same, key, lines, opened, typed};
use crate::{
    TextField, WindowApp,
    tests::harness,
    view::{UiCommand, ViewKind},
};

/// A row, about, points.
const ROW_PT: f32 = 16.0;
/// Frames within which whatever goes on by itself has come to its end.
const NUM_FRAMES_MAX: usize = 2_000;

/// A frame with these events, so long after the one before.
fn frame_after(harness: &mut Harness<'static, WindowApp>, passed_s: f64, events: &[Event]) {
    let now_s = harness.ctx.input(|input| input.time);
    let input = harness.input_mut();
    input.time = Some(now_s + passed_s);
    input.events.extend_from_slice(events);
    harness.step();
}

fn frame(harness: &mut Harness<'static, WindowApp>, events: &[Event]) {
    frame_after(harness, 1.0 / 60.0, events);
}

fn button(pos: Pos2, pressed: bool, modifiers: Modifiers) -> Event {
    Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers }
}

fn other_button(pos: Pos2, button: PointerButton, pressed: bool) -> Event {
    Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE }
}

fn press(harness: &mut Harness<'static, WindowApp>, pos: Pos2) {
    frame(harness, &[Event::PointerMoved(pos)]);
    frame(harness, &[button(pos, true, Modifiers::NONE)]);
}

fn go(harness: &mut Harness<'static, WindowApp>, pos: Pos2) {
    frame(harness, &[Event::PointerMoved(pos)]);
}

fn let_go(harness: &mut Harness<'static, WindowApp>, pos: Pos2) {
    frame(harness, &[button(pos, false, Modifiers::NONE)]);
}

/// Clicks as often as that, each frame by frame, and a good while after whatever was clicked before.
fn click(harness: &mut Harness<'static, WindowApp>, pos: Pos2, num: usize, modifiers: Modifiers) {
    frame_after(harness, 5.0, &[Event::PointerMoved(pos), Event::ModifiersChanged(modifiers)]);
    for _ in 0..num {
        frame(harness, &[button(pos, true, modifiers)]);
        frame(harness, &[button(pos, false, modifiers)]);
    }
    frame(harness, &[Event::ModifiersChanged(Modifiers::NONE)]);
}

/// What is selected. The window holds keys back from the frame after a button is let go.
fn selected(harness: &mut Harness<'static, WindowApp>) -> String {
    frame(harness, &[]);
    frame(harness, &[Event::Copy]);
    harness::copied(harness).unwrap_or_default()
}

/// What the desktop was told to be selected with the last frame.
fn settled(harness: &Harness<'static, WindowApp>) -> Option<String> {
    harness.output().platform_output.commands.iter().find_map(|command| match command {
        OutputCommand::TextSelectionSettled(text) => Some(text.clone()),
        _ => None,
    })
}

/// Draws frames as a desktop does, which are those that the frame before asks for; whether there is an end of them.
fn comes_to_rest(harness: &mut Harness<'static, WindowApp>) -> bool {
    (0..NUM_FRAMES_MAX).any(|_| {
        frame(harness, &[]);
        harness.output().viewport_output[&ViewportId::ROOT].repaint_delay != Duration::ZERO
    })
}

/// Where a part of the text begins that is in view.
fn seen_at(harness: &Harness<'static, WindowApp>, part: &str) -> Option<Pos2> {
    harness.output().shapes.iter().find_map(|shape| match &shape.shape {
        egui::Shape::Text(text) => text.galley.text().find(part).map(|at| {
            let num_chars = text.galley.text()[..at].chars().count();
            text.pos + text.galley.pos_from_cursor(CCursor::new(num_chars)).left_center().to_vec2()
        }),
        _ => None,
    })
}

#[track_caller]
fn place(harness: &Harness<'static, WindowApp>, part: &str) -> Pos2 {
    seen_at(harness, part).unwrap_or_else(|| panic!("{part} is not in view"))
}

/// The window with a long text in a field, of which the beginning is in view.
fn opened_at_top(field: TextField) -> (Harness<'static, WindowApp>, String) {
    let text = lines(MIB / 8);
    let mut harness = opened(field, &text);
    key(&mut harness, Key::Home, CTRL);
    harness::settle(&mut harness);
    (harness, text)
}

/// The part of a text from where one part begins to where another does.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let at = |part: &str| text.find(part).expect("it is there");
    &text[at(from)..at(to)]
}

const THIRD: &str = "\"order\": 3,";
const SIXTH: &str = "\"order\": 6,";

#[test]
fn what_the_pointer_goes_over_is_selected_whichever_way_and_however_fast() {
    for field in PLACES {
        let (mut harness, text) = opened_at_top(field);
        let (third, sixth) = (place(&harness, THIRD), place(&harness, SIXTH));
        let expected = between(&text, THIRD, SIXTH);
        press(&mut harness, third);
        for part in 1..=8_u8 {
            go(&mut harness, third + (sixth - third) * (f32::from(part) / 8.0));
        }
        assert_eq!(settled(&harness), None, "{field:?}: it is not let go yet");
        let_go(&mut harness, sixth);
        assert_eq!(settled(&harness).as_deref(), Some(expected), "{field:?}");
        assert_eq!(selected(&mut harness), expected, "{field:?}");
        // All the way back within one frame, after which the pointer stands still.
        press(&mut harness, sixth);
        go(&mut harness, third);
        assert_eq!(selected(&mut harness), expected, "{field:?}");
        go(&mut harness, sixth);
        assert_eq!(selected(&mut harness), "", "{field:?}");
        go(&mut harness, third);
        let_go(&mut harness, third);
        assert_eq!(selected(&mut harness), expected, "{field:?}");
        // Moved and let go within one frame.
        press(&mut harness, third);
        assert_eq!(selected(&mut harness), "", "{field:?}");
        frame(&mut harness, &[Event::PointerMoved(sixth), button(sixth, false, Modifiers::NONE)]);
        assert_eq!(selected(&mut harness), expected, "{field:?}");
        // Once it is let go, it selects nothing more.
        go(&mut harness, third + vec2(0.0, 4.0 * ROW_PT));
        assert_eq!(selected(&mut harness), expected, "{field:?}");
        typed(&mut harness, "x");
        is_same(&harness, field, &text.replacen(expected, "x", 1));
    }
}

#[test]
fn a_double_click_selects_a_word_and_a_triple_click_a_line() {
    for field in PLACES {
        let (mut harness, _text) = opened_at_top(field);
        let word = place(&harness, "größer") + vec2(3.0, 0.0);
        click(&mut harness, word, 1, Modifiers::NONE);
        assert_eq!(selected(&mut harness), "", "{field:?}");
        click(&mut harness, word, 2, Modifiers::NONE);
        assert_eq!(selected(&mut harness), "größer", "{field:?}");
        click(&mut harness, word, 3, Modifiers::NONE);
        assert_eq!(selected(&mut harness), "  {\"order\": 0, \"note\": \"größer ☂ 漢字 e\u{301}\"},", "{field:?}");
        click(&mut harness, word, 1, Modifiers::NONE);
        assert_eq!(selected(&mut harness), "", "{field:?}");
        // Twice as well where both come within one frame each.
        frame_after(&mut harness, 5.0, &[button(word, true, Modifiers::NONE), button(word, false, Modifiers::NONE)]);
        assert_eq!(selected(&mut harness), "", "{field:?}");
        frame(&mut harness, &[button(word, true, Modifiers::NONE), button(word, false, Modifiers::NONE)]);
        assert_eq!(selected(&mut harness), "größer", "{field:?}");
    }
}

#[test]
fn after_a_double_click_words_are_selected_and_after_a_triple_click_lines() {
    for field in PLACES {
        let (mut harness, text) = opened_at_top(field);
        let (third, sixth) = (place(&harness, THIRD) + vec2(10.0, 0.0), place(&harness, SIXTH) + vec2(10.0, 0.0));
        click(&mut harness, third, 1, Modifiers::NONE);
        press(&mut harness, third);
        assert_eq!(selected(&mut harness), "order", "{field:?}: while it is pressed for the second time");
        go(&mut harness, sixth);
        let_go(&mut harness, sixth);
        assert_eq!(selected(&mut harness), between(&text, "order\": 3,", "\": 6,"), "{field:?}");
        click(&mut harness, sixth, 2, Modifiers::NONE);
        press(&mut harness, sixth);
        go(&mut harness, third);
        let_go(&mut harness, third);
        let expected = between(&text, "  {\"order\": 3,", "\r\n  {\"order\": 7,");
        assert_eq!(selected(&mut harness), expected, "{field:?}");
    }
}

#[test]
fn a_click_with_shift_selects_up_to_there() {
    for field in PLACES {
        let (mut harness, text) = opened_at_top(field);
        let (third, sixth) = (place(&harness, THIRD), place(&harness, SIXTH));
        click(&mut harness, third, 1, Modifiers::NONE);
        click(&mut harness, sixth, 1, Modifiers::SHIFT);
        assert_eq!(selected(&mut harness), between(&text, THIRD, SIXTH), "{field:?}");
        let first = place(&harness, "\"order\": 1,");
        click(&mut harness, first, 1, Modifiers::SHIFT);
        assert_eq!(selected(&mut harness), between(&text, "\"order\": 1,", THIRD), "{field:?}");
        key(&mut harness, Key::ArrowRight, Modifiers::SHIFT);
        assert_eq!(selected(&mut harness), &between(&text, "\"order\": 1,", THIRD)[1..], "{field:?}: the keys go on with it");
    }
}

#[test]
fn beyond_the_rows_in_view_what_is_selected_goes_on_and_is_brought_into_view() {
    for field in PLACES {
        let (mut harness, text) = opened_at_top(field);
        let third = place(&harness, THIRD);
        let rect = harness.get_by_role_and_label(Role::MultilineTextInput, field.name()).rect();
        let x = third.x + 150.0;
        press(&mut harness, third);
        go(&mut harness, pos2(x, rect.bottom() + 1.5 * ROW_PT));
        let mut now = selected(&mut harness);
        for number in 0..50 {
            let before = std::mem::replace(&mut now, selected(&mut harness));
            assert!(now.len() > before.len() && now.starts_with(&before), "{field:?}: {number}: {} bytes after {}", now.len(), before.len());
        }
        let num_lines = now.lines().count();
        assert!((100..1_000).contains(&num_lines) && now.starts_with(THIRD), "{field:?}: {num_lines} lines");
        assert_eq!(seen_at(&harness, THIRD), None, "{field:?}: it is scrolled");
        let last = text[..text.find(&now).expect("a part of the text") + now.len()].lines().next_back().expect("a line");
        let number = last.split_inclusive(',').next().filter(|number| number.ends_with(',')).expect("its number");
        assert!(seen_at(&harness, number).is_some(), "{field:?}: {last}");
        // Back among the rows it stands still.
        go(&mut harness, rect.center());
        let now = selected(&mut harness);
        assert!(comes_to_rest(&mut harness), "{field:?}");
        assert_eq!(selected(&mut harness), now, "{field:?}");
        // Beyond the upper edge to the beginning, by frames that are asked for: where nothing goes on any more, none is.
        go(&mut harness, pos2(x, rect.top() - 9.0 * ROW_PT));
        assert!(comes_to_rest(&mut harness), "{field:?}: it goes on for ever");
        assert_eq!(selected(&mut harness), text[..text.find(THIRD).expect("it is there")], "{field:?}");
        assert!(seen_at(&harness, "\"order\": 0,").is_some(), "{field:?}");
        let_go(&mut harness, pos2(x, rect.top() - 9.0 * ROW_PT));
        assert_eq!(selected(&mut harness), text[..text.find(THIRD).expect("it is there")], "{field:?}");
        typed(&mut harness, "x");
        is_same(&harness, field, &format!("x{}", &text[text.find(THIRD).expect("it is there")..]));
    }
}

/// Lines that are selected within a second beyond the lower edge, where so many frames come a second.
fn num_lines_in_a_second(field: TextField, frames_per_s: u16) -> usize {
    let (mut harness, _text) = opened_at_top(field);
    let third = place(&harness, THIRD);
    let rect = harness.get_by_role_and_label(Role::MultilineTextInput, field.name()).rect();
    press(&mut harness, third);
    let passed_s = 1.0 / f64::from(frames_per_s);
    frame_after(&mut harness, passed_s, &[Event::PointerMoved(pos2(third.x, rect.bottom() + 1.5 * ROW_PT))]);
    for _ in 0..frames_per_s {
        frame_after(&mut harness, passed_s, &[]);
    }
    selected(&mut harness).lines().count()
}

#[test]
fn beyond_the_rows_it_goes_on_as_fast_however_many_frames_come() {
    for field in PLACES {
        let [slow, fast] = [30, 120].map(|frames_per_s| num_lines_in_a_second(field, frames_per_s));
        assert!(slow > 100 && slow.abs_diff(fast) < 20, "{field:?}: {slow} and {fast} lines");
    }
}

#[test]
fn what_is_let_go_while_another_view_is_shown_selects_nothing_later() {
    for field in PLACES {
        let view = if field == TextField::SendText { ViewKind::Send } else { ViewKind::DeadLetters };
        for is_pressed_again in [false, true] {
            let (mut harness, _text) = opened_at_top(field);
            let (third, sixth) = (place(&harness, THIRD), place(&harness, SIXTH));
            press(&mut harness, third);
            harness::run(&mut harness, UiCommand::Show(ViewKind::Log));
            go(&mut harness, sixth);
            let_go(&mut harness, sixth);
            if is_pressed_again {
                press(&mut harness, sixth);
            }
            harness::run(&mut harness, UiCommand::Show(view));
            field.seek(&harness.ctx.clone());
            harness::settle(&mut harness);
            assert!(seen_at(&harness, SIXTH).is_some(), "{field:?}");
            if is_pressed_again {
                let_go(&mut harness, sixth);
            }
            assert_eq!(selected(&mut harness), "", "{field:?}, pressed again: {is_pressed_again}");
        }
    }
}

#[test]
fn a_hand_that_trembles_selects_nothing_however_long_it_holds() {
    for field in PLACES {
        let (mut harness, text) = opened_at_top(field);
        // Between two rows.
        let (third, sixth) = (place(&harness, THIRD) + vec2(0.0, 6.0), place(&harness, SIXTH));
        press(&mut harness, third);
        for below in [0.0, 4.0, 1.0] {
            frame_after(&mut harness, 2.0, &[Event::PointerMoved(third + vec2(0.0, below))]);
            assert_eq!(selected(&mut harness), "", "{field:?}: {below} pt below");
        }
        // Once it has gone, it may come back as near as that.
        go(&mut harness, sixth);
        go(&mut harness, third + vec2(0.0, 4.0));
        assert_eq!(selected(&mut harness).lines().count(), 2, "{field:?}");
        go(&mut harness, sixth);
        let_go(&mut harness, sixth);
        assert_eq!(selected(&mut harness), between(&text, THIRD, SIXTH), "{field:?}");
    }
}

#[test]
fn only_the_first_button_selects() {
    for field in PLACES {
        let (mut harness, text) = opened_at_top(field);
        let (third, sixth) = (place(&harness, THIRD), place(&harness, SIXTH));
        let expected = between(&text, THIRD, SIXTH);
        press(&mut harness, third);
        go(&mut harness, sixth);
        let_go(&mut harness, sixth);
        assert_eq!(selected(&mut harness), expected, "{field:?}");
        for other in [PointerButton::Secondary, PointerButton::Middle] {
            let ninth = third + vec2(0.0, 6.0 * ROW_PT);
            frame_after(&mut harness, 5.0, &[Event::PointerMoved(third)]);
            frame(&mut harness, &[other_button(third, other, true)]);
            go(&mut harness, ninth);
            frame(&mut harness, &[other_button(ninth, other, false)]);
            assert_eq!(selected(&mut harness), expected, "{field:?}: {other:?}");
        }
    }
}
