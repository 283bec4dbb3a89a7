//! The built program in a real window, on an X server without a screen: driven by keys and pointer as a hand does, and looked at as a screen
//! reader does, through the desktop's accessibility.

mod copying;
mod ending;
mod eyes;
mod forms;
mod hands;
mod sends;
mod tour;
mod window;
