//! Files of descriptors, put together. One that is broken costs itself and what needs it, never the rest.

use std::collections::{BTreeSet, HashMap};

use prost_reflect::DescriptorPool;
use prost_reflect::prost_types::FileDescriptorProto;

use super::bounds::{Bounds, SCHEMA_FILES_MAX};
use super::{Notes, one_line};

/// How many files that do not fit with the others are tried: after each, the pool is put in order again.
const BROKEN_MAX: usize = 64;
/// Files that files see by their imports, all together.
const VISIBLE_MAX: usize = 4_000_000;
/// Names of the well-known types begin so; `prost-reflect` brings them.
const WELL_KNOWN: &str = "google/protobuf/";
/// Well-known types that values of `google.protobuf.Any` may be of, whoever imports them.
const ALWAYS_THERE: [&str; 7] = ["any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers"];

/// Makes a pool of files, in whatever order they come. What is left out is told in the notes.
pub(crate) fn assemble(files: Vec<FileDescriptorProto>, notes: &mut Notes) -> DescriptorPool {
    let mut all = Files::new(files, notes);
    all.add_well_known();
    let order = all.order(notes);
    let ready = all.ready(&order, notes);
    let mut pool = DescriptorPool::new();
    if pool.add_file_descriptor_protos(ready.iter().cloned()).is_err() {
        pool = one_by_one(ready, notes);
    }
    for name in ALWAYS_THERE {
        // What the files bring under these names goes first.
        if let Some(file) = well_known(&format!("{WELL_KNOWN}{name}.proto")) {
            let _ = pool.add_file_descriptor_proto(file);
        }
    }
    pool
}

fn one_by_one(files: Vec<FileDescriptorProto>, notes: &mut Notes) -> DescriptorPool {
    let mut pool = DescriptorPool::new();
    let mut num_broken = 0;
    for mut file in files {
        let name = file.name().to_owned();
        if num_broken == BROKEN_MAX {
            notes.add(format!("{} was left out: {BROKEN_MAX} files before it were broken", one_line(&name)));
            continue;
        }
        // Those that were left out are known to be missing already, and told.
        file.dependency.retain(|needed| pool.get_file_by_name(needed).is_some());
        if let Err(error) = pool.add_file_descriptor_proto(file) {
            num_broken += 1;
            notes.add(format!("{} was left out: {}", one_line(&name), one_line(&error.to_string())));
        }
    }
    pool
}

/// A well-known file, if there is one of this name.
fn well_known(name: &str) -> Option<FileDescriptorProto> {
    DescriptorPool::global().get_file_by_name(name).map(|file| FileDescriptorProto { source_code_info: None, ..file.file_descriptor_proto().clone() })
}

/// Files by their place in the list, with what each imports.
struct Files {
    files: Vec<FileDescriptorProto>,
    by_name: HashMap<String, usize>,
}

impl Files {
    fn new(given: Vec<FileDescriptorProto>, notes: &mut Notes) -> Self {
        let mut all = Self { files: Vec::with_capacity(given.len()), by_name: HashMap::with_capacity(given.len()) };
        for mut file in given {
            file.source_code_info = None;
            if all.files.len() == SCHEMA_FILES_MAX {
                notes.add(format!("{} was left out: there are more than {SCHEMA_FILES_MAX} files", one_line(file.name())));
            } else if let Some(first) = all.by_name.get(file.name()) {
                if all.files[*first] != file {
                    notes.add(format!("{} came twice, with different content: the first is used", one_line(file.name())));
                }
            } else {
                all.add(file);
            }
        }
        all
    }

    fn add(&mut self, mut file: FileDescriptorProto) {
        // Of an edition this version of prost-reflect knows nothing. Its fields tell whether they are set, which proto3 has a word for.
        if file.syntax() == "editions" {
            file.syntax = Some("proto3".to_owned());
            let mut messages: Vec<_> = file.message_type.iter_mut().collect();
            while let Some(message) = messages.pop() {
                for field in message.field.iter_mut().filter(|field| field.label() == prost_reflect::prost_types::field_descriptor_proto::Label::Optional) {
                    field.proto3_optional = Some(true);
                }
                if !message.options.as_ref().is_some_and(prost_reflect::prost_types::MessageOptions::map_entry) {
                    messages.extend(message.nested_type.iter_mut());
                }
            }
        }
        self.by_name.insert(file.name().to_owned(), self.files.len());
        self.files.push(file);
    }

    /// Adds the well-known files that are imported and not there.
    fn add_well_known(&mut self) {
        let mut at = 0;
        while at < self.files.len() {
            let missing: Vec<_> = self.files[at].dependency.iter().filter(|name| name.starts_with(WELL_KNOWN) && !self.by_name.contains_key(*name)).collect();
            let found: Vec<_> = missing.into_iter().filter_map(|name| well_known(name)).collect();
            for file in found {
                if !self.by_name.contains_key(file.name()) {
                    self.add(file);
                }
            }
            at += 1;
        }
    }

    /// Files in an order in which each comes after what it imports. Those that import themselves in the end are left out.
    fn order(&self, notes: &mut Notes) -> Vec<usize> {
        let mut num_missing = vec![0; self.files.len()];
        let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); self.files.len()];
        for (at, file) in self.files.iter().enumerate() {
            for needed in self.imports(file) {
                num_missing[at] += 1;
                needed_by[needed].push(at);
            }
        }
        let mut order: Vec<usize> = (0..self.files.len()).filter(|at| num_missing[*at] == 0).collect();
        let mut next = 0;
        while next < order.len() {
            for needing in &needed_by[order[next]] {
                num_missing[*needing] -= 1;
                if num_missing[*needing] == 0 {
                    order.push(*needing);
                }
            }
            next += 1;
        }
        for (file, _) in self.files.iter().zip(num_missing).filter(|(_, num_missing)| *num_missing > 0) {
            notes.add(format!("{} was left out: its imports lead back to themselves", one_line(file.name())));
        }
        order
    }

    /// The imports of a file that are there, each once.
    fn imports(&self, file: &FileDescriptorProto) -> BTreeSet<usize> {
        file.dependency.iter().filter_map(|name| self.by_name.get(name).copied()).collect()
    }

    /// The files in their order, each with all that it sees among its imports: what is imported publicly is written out, because prost-reflect follows
    /// that one step only, and takes a time that grows without measure where such imports cross.
    fn ready(&mut self, order: &[usize], notes: &mut Notes) -> Vec<FileDescriptorProto> {
        let mut bounds = Bounds::default();
        let mut room = VISIBLE_MAX;
        // What whoever imports a file sees by it; `None` = the file is left out.
        let mut shown: Vec<Option<BTreeSet<usize>>> = vec![None; self.files.len()];
        let mut ready = Vec::with_capacity(order.len());
        for &at in order {
            let file = &self.files[at];
            let kept = self.seen(file, &shown, room, notes).and_then(|seen| bounds.take(file).map(|()| seen));
            match kept {
                Ok((visible, public)) => {
                    room -= (visible.len() + public.len()).min(room);
                    let mut file = std::mem::take(&mut self.files[at]);
                    file.public_dependency.clear();
                    file.weak_dependency.clear();
                    file.dependency = visible.iter().filter_map(|seen| self.name_of(*seen)).collect();
                    // Its name is asked for by those after it.
                    self.files[at].name.clone_from(&file.name);
                    shown[at] = Some(public);
                    ready.push(file);
                }
                Err(reason) => notes.add(format!("{} was left out: {reason}", one_line(file.name()))),
            }
        }
        ready
    }

    fn name_of(&self, at: usize) -> Option<String> {
        self.files[at].name.clone()
    }

    /// The files that a file sees, and those that others see by it.
    fn seen(
        &self,
        file: &FileDescriptorProto,
        shown: &[Option<BTreeSet<usize>>],
        room: usize,
        notes: &mut Notes,
    ) -> Result<(BTreeSet<usize>, BTreeSet<usize>), String> {
        let public_places: BTreeSet<i32> = file.public_dependency.iter().copied().collect();
        let (mut visible, mut public) = (BTreeSet::new(), BTreeSet::new());
        for (place, name) in file.dependency.iter().enumerate() {
            let found = self.by_name.get(name).and_then(|needed| shown[*needed].as_ref().map(|shown| (*needed, shown)));
            let Some((needed, shown)) = found else {
                notes.add(format!("{} imports {}, which is not there", one_line(file.name()), one_line(name)));
                continue;
            };
            visible.insert(needed);
            visible.extend(shown);
            if i32::try_from(place).is_ok_and(|place| public_places.contains(&place)) {
                public.insert(needed);
                public.extend(shown);
            }
            if visible.len() + public.len() > room {
                return Err("files import each other more often than is followed".to_owned());
            }
        }
        Ok((visible, public))
    }
}
