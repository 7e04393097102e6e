//! The part of a tree that has been proven so far.

use super::tree::{Side, Way, node_hash};
use super::{Hash, MAXIMUM_SIZE};
use std::collections::HashMap;

/// Checks inclusion proofs under one root, and remembers every node of those that hold, so
/// that the next proof is only computed up to where it meets one: from there on, its hashes
/// are compared.
///
/// Only what leads to the root is remembered. Each entry adds at most two nodes a level.
pub(crate) struct ProvenNodes {
    size: u64,
    nodes: Vec<Node>,
    positions: HashMap<(u8, u64), usize>,
    /// The way of the proof that is being checked; kept for its memory.
    way: Vec<Step>,
}

struct Node {
    hash: Hash,
    /// Sibling and parent in `nodes`; the root has none.
    above: Option<(usize, usize)>,
}

struct Step {
    position: (u8, u64),
    hash: Hash,
    sibling: (u8, u64),
    sibling_hash: Hash,
}

impl ProvenNodes {
    pub(crate) fn new(size: u64, root: Hash) -> Self {
        let mut positions = HashMap::new();
        if size > 0 {
            let mut way = Way::from_leaf(0, size);
            while way.step().is_some() {}
            positions.insert(way.position(), 0);
        }
        let root = Node {
            hash: root,
            above: None,
        };
        Self {
            size,
            nodes: vec![root],
            positions,
            way: Vec::new(),
        }
    }

    /// Whether `proof` leads from the leaf at `index` to the root.
    pub(crate) fn check(&mut self, index: u64, leaf: &Hash, proof: &[[u8; 32]]) -> bool {
        if index >= self.size || self.size > MAXIMUM_SIZE {
            return false;
        }
        self.way.clear();
        let mut way = Way::from_leaf(index, self.size);
        let mut hash = *leaf;
        let mut rest = proof;
        let met = loop {
            if let Some(known) = self.positions.get(&way.position()) {
                break *known;
            }
            let Some((sibling, above)) = rest.split_first() else {
                return false;
            };
            let sibling = Hash(*sibling);
            self.way.push(Step {
                position: way.position(),
                hash,
                sibling: way.sibling(),
                sibling_hash: sibling,
            });
            hash = match way.step() {
                Some(Side::Left) => node_hash(&sibling, &hash),
                Some(Side::Right) => node_hash(&hash, &sibling),
                None => return false,
            };
            rest = above;
        };
        let holds = self.nodes[met].hash == hash && self.leads_up(met, rest);
        if holds {
            self.remember(met);
        }
        holds
    }

    /// Whether `proof` is the way from a proven node up to the root.
    fn leads_up(&self, from: usize, proof: &[[u8; 32]]) -> bool {
        let mut node = &self.nodes[from];
        for hash in proof {
            let Some((sibling, parent)) = node.above else {
                return false;
            };
            if self.nodes[sibling].hash.0 != *hash {
                return false;
            }
            node = &self.nodes[parent];
        }
        node.above.is_none()
    }

    /// Keeps the way that has just led to the proven node `met`.
    fn remember(&mut self, met: usize) {
        let mut parent = met;
        for step in self.way.drain(..).rev() {
            let node = self.nodes.len();
            self.nodes.push(Node {
                hash: step.hash,
                above: Some((node + 1, parent)),
            });
            self.nodes.push(Node {
                hash: step.sibling_hash,
                above: Some((node, parent)),
            });
            self.positions.insert(step.position, node);
            self.positions.insert(step.sibling, node + 1);
            parent = node;
        }
    }
}
