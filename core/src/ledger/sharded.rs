//! A map by identifier that is cheap to clone: the committer publishes a
//! clone after every append, and a change then copies one shard, not the map.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{DeclarationId, EnterpriseId};

/// A million entries make shards of a thousand.
const SHARDS: usize = 1024;

/// What a sharded map can be keyed by.
pub(super) trait Key: Ord + Clone {
    /// Spreads keys over the shards, in the same way in every build.
    fn spread(&self) -> u32;
}

impl Key for DeclarationId {
    fn spread(&self) -> u32 {
        fnv(self.as_str())
    }
}

impl Key for EnterpriseId {
    fn spread(&self) -> u32 {
        fnv(self.as_str())
    }
}

/// FNV-1a: spreads sequential numbers.
fn fnv(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

type Shard<K, V> = Arc<BTreeMap<K, V>>;

/// A map to `V`, copied on write shard by shard.
#[derive(Clone, Debug)]
pub(super) struct Sharded<K, V> {
    shards: Arc<Vec<Shard<K, V>>>,
    len: usize,
}

impl<K, V> Default for Sharded<K, V> {
    fn default() -> Self {
        let empty: Shard<K, V> = Arc::default();
        Self {
            shards: Arc::new(vec![empty; SHARDS]),
            len: 0,
        }
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Sharded<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.shards == other.shards
    }
}

impl<K: Eq, V: Eq> Eq for Sharded<K, V> {}

impl<K: Key, V: Clone> Sharded<K, V> {
    /// The entry of `id`, made if there is none.
    pub(super) fn entry(&mut self, id: &K, make: impl FnOnce() -> V) -> &mut V {
        let shard = Arc::make_mut(&mut Arc::make_mut(&mut self.shards)[shard_of(id)]);
        if !shard.contains_key(id) {
            self.len += 1;
            shard.insert(id.clone(), make());
        }
        shard.get_mut(id).expect("it was just put there")
    }

    /// The entry of `id` to change, if there is one.
    pub(super) fn get_mut(&mut self, id: &K) -> Option<&mut V> {
        self.get(id)?;
        Arc::make_mut(&mut Arc::make_mut(&mut self.shards)[shard_of(id)]).get_mut(id)
    }

    /// Puts `value` in; returns what was there.
    pub(super) fn insert(&mut self, id: K, value: V) -> Option<V> {
        let shard = &mut Arc::make_mut(&mut self.shards)[shard_of(&id)];
        let old = Arc::make_mut(shard).insert(id, value);
        self.len += usize::from(old.is_none());
        old
    }

    /// Takes the entry of `id` out, if it is as `goes` says.
    pub(super) fn remove_if(&mut self, id: &K, goes: impl Fn(&V) -> bool) {
        if self.get(id).is_some_and(goes) {
            let shard = &mut Arc::make_mut(&mut self.shards)[shard_of(id)];
            Arc::make_mut(shard).remove(id);
            self.len -= 1;
        }
    }

    /// Keeps what `keep` says; untouched shards are not copied. Hands out what
    /// goes.
    pub(super) fn retain(&mut self, keep: impl Fn(&K, &V) -> bool, mut gone: impl FnMut(&K, &V)) {
        for i in 0..SHARDS {
            let losing = self.shards[i].iter().filter(|(id, v)| !keep(id, v));
            let ids: Vec<K> = losing.map(|(id, _)| id.clone()).collect();
            if ids.is_empty() {
                continue;
            }
            let shard = Arc::make_mut(&mut Arc::make_mut(&mut self.shards)[i]);
            for id in ids {
                if let Some(value) = shard.remove(&id) {
                    gone(&id, &value);
                    self.len -= 1;
                }
            }
        }
    }
}

impl<K: Key, V> Sharded<K, V> {
    /// The entry of `id`.
    pub(super) fn get(&self, id: &K) -> Option<&V> {
        self.shards[shard_of(id)].get(id)
    }

    /// Every entry, in no order that means anything but always the same.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }

    /// How many.
    pub(super) const fn len(&self) -> usize {
        self.len
    }
}

fn shard_of(key: &impl Key) -> usize {
    (key.spread() as usize) % SHARDS
}

impl<K: Key + Serialize, V: Serialize> Serialize for Sharded<K, V> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.iter())
    }
}

impl<'de, K, V> Deserialize<'de> for Sharded<K, V>
where
    K: Key + Deserialize<'de>,
    V: Deserialize<'de> + Clone,
{
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let mut sharded = Self::default();
        for (id, value) in BTreeMap::<K, V>::deserialize(d)? {
            sharded.insert(id, value);
        }
        Ok(sharded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(n: u16) -> DeclarationId {
        DeclarationId::parse(&format!("5345{n:014}")).unwrap()
    }

    /// The figures published with FNV-1a.
    #[test]
    fn identifiers_are_spread_by_fnv_1a() {
        let all = ["", "a", "foobar"].map(fnv);
        assert_eq!(all, [0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968]);
        assert_eq!(
            DeclarationId::parse("foobar").unwrap().spread(),
            0xbf9c_f968
        );
        assert_eq!(EnterpriseId::parse("foobar").unwrap().spread(), 0xbf9c_f968);
        assert_eq!(shard_of(&DeclarationId::parse("foobar").unwrap()), 0x168);
    }

    #[test]
    fn maps_are_the_same_if_their_entries_are() {
        let of = |all: &[(u16, u8)]| {
            let mut map = Sharded::default();
            for (n, value) in all {
                map.insert(id(*n), *value);
            }
            map
        };
        let map = of(&[(1, 1), (2, 2)]);
        assert!(map == of(&[(2, 2), (1, 1)]));
        assert!(map != of(&[(1, 1), (2, 3)]) && map != of(&[(1, 1)]));
    }

    #[test]
    fn an_entry_is_made_once_changed_in_place_and_goes_if_it_is_as_said() {
        let mut map = Sharded::default();
        *map.entry(&id(1), || 5) += 1;
        *map.entry(&id(1), || 9) += 1;
        map.insert(id(2), 2);
        assert_eq!((map.get(&id(1)), map.len()), (Some(&7), 2));
        map.remove_if(&id(1), |v| *v == 6);
        assert_eq!(map.len(), 2);
        map.remove_if(&id(1), |v| *v == 7);
        map.remove_if(&id(3), |_| true);
        assert_eq!((map.get(&id(1)), map.len()), (None, 1));
        assert_eq!(map.get_mut(&id(1)), None);
        assert_eq!(map.get_mut(&id(2)), Some(&mut 2));
        assert_eq!(map.iter().collect::<Vec<_>>(), [(&id(2), &2)]);
    }

    proptest! {
        // A step copies a table of a thousand shards.
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_sharded_map_is_a_map(steps in proptest::collection::vec((0u16..300, 0u8..4), 0..200)) {
            let (mut ours, mut plain) = (Sharded::default(), BTreeMap::new());
            for (n, value) in steps {
                if value == 0 {
                    let mut gone = Vec::new();
                    ours.retain(|at: &DeclarationId, _| *at != id(n), |at, _| gone.push(at.clone()));
                    prop_assert_eq!(gone.len(), usize::from(plain.remove(&id(n)).is_some()));
                } else {
                    let before = ours.clone();
                    prop_assert_eq!(ours.insert(id(n), value), plain.insert(id(n), value));
                    prop_assert_eq!(before.get(&id(n)).is_some(), before.len() == ours.len());
                }
            }
            prop_assert_eq!(ours.len(), plain.len());
            let mut all: Vec<_> = ours.iter().collect();
            all.sort();
            prop_assert_eq!(all, plain.iter().collect::<Vec<_>>());
            let text = serde_json::to_string(&ours).unwrap();
            prop_assert!(serde_json::from_str::<Sharded<DeclarationId, u8>>(&text).unwrap() == ours);
        }
    }
}
