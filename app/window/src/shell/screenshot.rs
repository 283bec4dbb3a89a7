//! The window as a picture, drawn without a window: the same code, the newest snapshot, nothing moving.

use std::path::Path;

use egui_wgpu::{RenderState, RendererOptions, ScreenDescriptor, wgpu};
use image::RgbaImage;

use crate::{
    SnapshotSource, Strokes, ThemeChoice, ViewKind, WindowOptions, missing_glyphs,
    shell::{Window, settings::Settings, strokes::Stroke},
};

/// Frames until sizes have settled and questions are answered: a size needs the measures of the frame before, and what is
/// opened first is known once its list is.
const NUM_FRAMES: usize = 8;
/// Frames after each key, so that the next one finds what the one before brought.
const NUM_FRAMES_PER_STROKE: usize = 4;
const GPU_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

/// How a picture looks.
#[derive(Clone, Debug)]
pub struct ScreenshotOptions {
    /// Width and height, pixels.
    pub size_px: (u32, u32),
    /// Colours; as the desktop means dark here.
    pub theme: ThemeChoice,
    /// The view that is shown.
    pub view: ViewKind,
    /// What is pressed and typed before.
    pub keys: Strokes,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum ScreenshotError {
    /// Nothing here can draw.
    #[error("no graphics adapter: {0}")]
    NoAdapter(String),
    /// There is an adapter, and it failed.
    #[error("the graphics adapter failed: {0}")]
    Device(String),
    /// The file could not be written.
    #[error("{0}")]
    Write(#[from] image::ImageError),
}

/// Draws a view of the window into a PNG file. The source answers in place: what is asked in a frame is there in the next.
pub fn screenshot(source: &mut dyn SnapshotSource, window_options: &WindowOptions, options: &ScreenshotOptions, path: &Path) -> Result<(), ScreenshotError> {
    let (theme, view) = (options.theme, options.view);
    let snapshot = source.snapshot();
    let picture = draw(options, move |ctx| {
        let settings = Settings { theme, ..Settings::default() };
        let mut window = Window::new_in_place(ctx, settings, window_options.clone());
        window.look_at(ctx, view);
        move |ui: &mut egui::Ui| {
            window.take_replay(source.replay());
            window.take_send(source.send());
            window.take_ledger(source.ledger(window.ledger_look().as_ref()));
            window.take(ui.ctx(), snapshot.clone(), None, snapshot.as_of_ns);
            window.take_sources(source.sources());
            window.take_operations(source.operations());
            for command in window.ui(ui) {
                source.command(command);
            }
            window.ask(ui.ctx(), |query| source.query(query));
        }
    })?;
    picture.save_with_format(path, image::ImageFormat::Png)?;
    Ok(())
}

/// A context for pictures; what no face has is drawn as its code point there too.
pub(crate) fn context() -> egui::Context {
    let ctx = egui::Context::default();
    missing_glyphs::install(&ctx);
    ctx
}

/// Draws an interface offscreen: `prepare` gets the context and gives what draws a frame.
pub(crate) fn draw<F: FnMut(&mut egui::Ui)>(options: &ScreenshotOptions, prepare: impl FnOnce(&egui::Context) -> F) -> Result<RgbaImage, ScreenshotError> {
    let state = render_state()?;
    let (width, height) = options.size_px;
    let ctx = context();
    let mut frame = prepare(&ctx);
    let stroke_at = |frame: usize| {
        let after = frame.checked_sub(NUM_FRAMES).filter(|after| after.is_multiple_of(NUM_FRAMES_PER_STROKE))?;
        options.keys.0.get(after / NUM_FRAMES_PER_STROKE)
    };
    let input = |time: usize| egui::RawInput {
        screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(width as f32, height as f32))),
        system_theme: Some(egui::Theme::Dark),
        max_texture_side: Some(state.device.limits().max_texture_dimension_2d as usize),
        time: Some(time as f64),
        focused: false,
        events: stroke_at(time).map(Stroke::events).unwrap_or_default(),
        ..egui::RawInput::default()
    };
    let mut last = None;
    let num_keys = options.keys.0.len();
    let num_frames = if num_keys == 0 { NUM_FRAMES } else { NUM_FRAMES * 2 + num_keys * NUM_FRAMES_PER_STROKE };
    for time in 0..num_frames {
        let mut output = ctx.run_ui(input(time), &mut frame);
        take_textures(&state, &mut output.textures_delta);
        last = Some(output);
    }
    let Some(output) = last else { return Err(ScreenshotError::Device("no frame was drawn".to_owned())) };
    let screen = ScreenDescriptor { size_in_pixels: [width, height], pixels_per_point: output.pixels_per_point };
    let primitives = ctx.tessellate(output.shapes.clone(), output.pixels_per_point);
    output.drop_without_applying_deltas();
    render(&state, &primitives, &screen)
}

fn take_textures(state: &RenderState, delta: &mut egui::TexturesDelta) {
    let mut renderer = state.renderer.write();
    let mut set: Vec<_> = delta.set.drain().collect();
    set.sort_by_key(|(id, _)| format!("{id:?}"));
    for (id, images) in set {
        for image in images {
            renderer.update_texture(&state.device, &state.queue, id, &image);
        }
    }
    // Nothing is freed: the renderer lives for one picture.
    delta.free.clear();
}

/// A renderer on any adapter there is; software is as good as any for a picture, and the same everywhere.
fn render_state() -> Result<RenderState, ScreenshotError> {
    let mut setup = egui_wgpu::WgpuSetupCreateNew::without_display_handle();
    setup.instance_descriptor.backends.remove(wgpu::Backends::BROWSER_WEBGPU);
    let backends = setup.instance_descriptor.backends;
    setup.native_adapter_selector = Some(std::sync::Arc::new(|adapters, _| {
        let rank = |adapter: &&wgpu::Adapter| match adapter.get_info().device_type {
            wgpu::DeviceType::Cpu => 0,
            wgpu::DeviceType::IntegratedGpu => 1,
            _ => 2,
        };
        adapters.iter().min_by_key(rank).cloned().ok_or_else(|| "none found".to_owned())
    }));
    let setup = egui_wgpu::WgpuSetup::CreateNew(setup);
    let instance = pollster::block_on(setup.new_instance());
    if pollster::block_on(instance.enumerate_adapters(backends)).is_empty() {
        return Err(ScreenshotError::NoAdapter("neither a graphics card nor a software renderer was found; on Linux install mesa-vulkan-drivers".to_owned()));
    }
    let config = egui_wgpu::WgpuConfiguration { wgpu_setup: setup, ..egui_wgpu::WgpuConfiguration::default() };
    pollster::block_on(RenderState::create(&config, &instance, None, RendererOptions::PREDICTABLE)).map_err(|error| ScreenshotError::Device(error.to_string()))
}

fn render(state: &RenderState, primitives: &[egui::ClippedPrimitive], screen: &ScreenDescriptor) -> Result<RgbaImage, ScreenshotError> {
    let [width, height] = screen.size_in_pixels;
    let size = wgpu::Extent3d { width, height, depth_or_array_layers: 1 };
    let texture = state.device.create_texture(&wgpu::TextureDescriptor {
        label: Some("picture"),
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: state.target_format,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    });
    let row_bytes = width * 4;
    let padded_bytes = row_bytes.next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
    let buffer = state.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("picture bytes"),
        size: u64::from(padded_bytes) * u64::from(height),
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut encoder = state.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let uploads = {
        let mut renderer = state.renderer.write();
        let uploads = renderer.update_buffers(&state.device, &state.queue, &mut encoder, primitives, screen);
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let attachment = wgpu::RenderPassColorAttachment {
            view: &view,
            resolve_target: None,
            ops: wgpu::Operations { load: wgpu::LoadOp::Clear(wgpu::Color::BLACK), store: wgpu::StoreOp::Store },
            depth_slice: None,
        };
        let descriptor = wgpu::RenderPassDescriptor { label: Some("picture"), color_attachments: &[Some(attachment)], ..wgpu::RenderPassDescriptor::default() };
        let mut pass = encoder.begin_render_pass(&descriptor).forget_lifetime();
        renderer.render(&mut pass, primitives, screen);
        uploads
    };
    let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(padded_bytes), rows_per_image: None };
    encoder.copy_texture_to_buffer(texture.as_image_copy(), wgpu::TexelCopyBufferInfo { buffer: &buffer, layout }, size);
    state.queue.submit(uploads.into_iter().chain([encoder.finish()]));

    let failed = |error: &dyn std::fmt::Display| ScreenshotError::Device(error.to_string());
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    buffer.slice(..).map_async(wgpu::MapMode::Read, move |result| drop(sender.send(result)));
    state.device.poll(wgpu::PollType::Wait { submission_index: None, timeout: Some(GPU_TIMEOUT) }).map_err(|error| failed(&error))?;
    receiver.recv_timeout(GPU_TIMEOUT).map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
    let bytes = buffer.slice(..).get_mapped_range().map_err(|error| failed(&error))?;
    let swapped = matches!(state.target_format, wgpu::TextureFormat::Bgra8Unorm | wgpu::TextureFormat::Bgra8UnormSrgb);
    let mut pixels = Vec::with_capacity((row_bytes * height) as usize);
    for row in bytes.chunks_exact(padded_bytes as usize) {
        for pixel in row[..row_bytes as usize].chunks_exact(4) {
            let [red, blue] = if swapped { [pixel[2], pixel[0]] } else { [pixel[0], pixel[2]] };
            pixels.extend([red, pixel[1], blue, 255]);
        }
    }
    RgbaImage::from_raw(width, height, pixels).ok_or_else(|| ScreenshotError::Device("the picture came back in another size".to_owned()))
}
