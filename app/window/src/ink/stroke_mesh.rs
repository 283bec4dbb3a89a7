//! Many lines as one mesh, with soft edges: one shape for a whole map of edges.

use egui::{Color32, Mesh, Pos2, Rect, Vec2, epaint::Vertex};

/// Collects lines.
pub(crate) struct StrokeMesh {
    mesh: Mesh,
    /// Width of a soft edge, points: one pixel.
    feather: f32,
}

impl StrokeMesh {
    /// An empty mesh for a screen of this density.
    pub(crate) fn new(pixels_per_point: f32) -> Self {
        Self { mesh: Mesh::default(), feather: 1.0 / pixels_per_point }
    }

    /// The mesh, for painting.
    pub(crate) fn into_mesh(self) -> Mesh {
        self.mesh
    }

    /// A line through points.
    pub(crate) fn line(&mut self, points: &[Pos2], width: f32, color: Color32) {
        if points.len() < 2 {
            return;
        }
        if points.len() == 2 {
            self.segment(points[0], points[1], width, color);
            return;
        }
        let (half, solid) = self.profile(width);
        let color = if solid > 0.0 { color } else { color.gamma_multiply((width / self.feather).min(1.0)) };
        let offsets: &[f32] = if solid > 0.0 { &[-half, -solid, solid, half] } else { &[-half, 0.0, half] };
        let mut before: Option<u32> = None;
        for (index, &point) in points.iter().enumerate() {
            let normal = joint_normal(points, index);
            let first = self.mesh.vertices.len() as u32;
            let last = offsets.len() - 1;
            for (place, &offset) in offsets.iter().enumerate() {
                let color = if place == 0 || place == last { Color32::TRANSPARENT } else { color };
                self.vertex(point + normal * offset, color);
            }
            if let Some(before) = before {
                for strip in 0..last as u32 {
                    self.quad(before + strip, before + strip + 1, first + strip, first + strip + 1);
                }
            }
            before = Some(first);
        }
    }

    /// A straight line.
    fn segment(&mut self, from: Pos2, to: Pos2, width: f32, color: Color32) {
        let normal = (to - from).normalized().rot90();
        let (half, solid) = self.profile(width);
        let first = self.mesh.vertices.len() as u32;
        if solid > 0.0 {
            for point in [from, to] {
                for (offset, color) in [(-half, Color32::TRANSPARENT), (-solid, color), (solid, color), (half, Color32::TRANSPARENT)] {
                    self.vertex(point + normal * offset, color);
                }
            }
            for strip in 0..3 {
                self.quad(first + strip, first + strip + 1, first + 4 + strip, first + 5 + strip);
            }
        } else {
            let color = color.gamma_multiply((width / self.feather).min(1.0));
            for point in [from, to] {
                for (offset, color) in [(-half, Color32::TRANSPARENT), (0.0, color), (half, Color32::TRANSPARENT)] {
                    self.vertex(point + normal * offset, color);
                }
            }
            for strip in 0..2 {
                self.quad(first + strip, first + strip + 1, first + 3 + strip, first + 4 + strip);
            }
        }
    }

    /// A broken line through points.
    pub(crate) fn dashes(&mut self, points: &[Pos2], width: f32, color: Color32, [dash, gap]: [f32; 2]) {
        let mut piece: Vec<Pos2> = Vec::new();
        let mut drawing = true;
        let mut left = dash;
        for pair in points.windows(2) {
            let (mut from, to) = (pair[0], pair[1]);
            if drawing && piece.is_empty() {
                piece.push(from);
            }
            loop {
                let step = from.distance(to);
                if step < left {
                    left -= step;
                    if drawing {
                        piece.push(to);
                    }
                    break;
                }
                from = from.lerp(to, if step > 0.0 { left / step } else { 1.0 });
                if drawing {
                    piece.push(from);
                    self.line(&piece, width, color);
                    piece.clear();
                } else {
                    piece.push(from);
                }
                drawing = !drawing;
                left = if drawing { dash } else { gap };
            }
        }
        if drawing {
            self.line(&piece, width, color);
        }
    }

    /// A filled rectangle with hard edges.
    pub(crate) fn rect(&mut self, rect: Rect, color: Color32) {
        self.mesh.add_colored_rect(rect, color);
    }

    /// Half the whole width, and half the width of the solid middle.
    fn profile(&self, width: f32) -> (f32, f32) {
        if width > self.feather { (f32::midpoint(width, self.feather), (width - self.feather) / 2.0) } else { (self.feather, 0.0) }
    }

    fn vertex(&mut self, pos: Pos2, color: Color32) {
        self.mesh.vertices.push(Vertex { pos, uv: egui::epaint::WHITE_UV, color });
    }

    fn quad(&mut self, a: u32, b: u32, c: u32, d: u32) {
        self.mesh.indices.extend([a, b, c, b, c, d]);
    }
}

/// Across the line at a point of it, a little longer at bends.
fn joint_normal(points: &[Pos2], index: usize) -> Vec2 {
    let before = index.checked_sub(1).map(|before| (points[index] - points[before]).normalized());
    let after = points.get(index + 1).map(|after| (*after - points[index]).normalized());
    match (before, after) {
        (Some(before), Some(after)) => {
            let along = (before + after).normalized();
            let stretch = 1.0 / along.dot(after).max(0.6);
            along.rot90() * stretch
        }
        (Some(one), None) | (None, Some(one)) => one.rot90(),
        (None, None) => Vec2::Y,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;

    #[test]
    fn dashes_cover_the_line_by_the_pattern() {
        let mut mesh = StrokeMesh::new(1.0);
        mesh.dashes(&[pos2(0.0, 0.0), pos2(50.0, 0.0), pos2(100.0, 0.0)], 2.0, Color32::WHITE, [6.0, 4.0]);
        let mesh = mesh.into_mesh();
        let solid: Vec<f32> = mesh.vertices.iter().filter(|vertex| vertex.color == Color32::WHITE).map(|vertex| vertex.pos.x).collect();
        assert!(solid.iter().all(|x| x.rem_euclid(10.0) <= 6.01 || x.rem_euclid(10.0) >= 9.99), "{solid:?}");
        assert!(mesh.is_valid());
        let num_dashes = 10;
        assert!(mesh.vertices.len() >= num_dashes * 8, "{} vertices", mesh.vertices.len());
    }
}
