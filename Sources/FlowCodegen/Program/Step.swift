import FlowIR

/// A step of a call, or of the preparation of parameters, that all threads run together.
enum Step {
  case uniform(UniformStep)
  case pack(PackStep)
  case invert(InvertStep)
  /// All threads wait for each other.
  case barrier
  case rows(RowsStep)
  case combine(CombineStep)
  case store(StoreStep)
}

/// The steps that run when parameters change, or those of a call.
struct StepList {
  let steps: [Step]
  /// The length of each line of elements that threads have pieces of.
  let lines: [Int]
}

/// Uniform operations under one loop: pointwise ones of the same size, or a single one of another
/// kind.
struct UniformStep {
  let operations: [TensorOperation]
  /// The elements of a result.
  let count: Int
  /// The results that are written to memory; the others stay in registers.
  let stored: [Value]
  let share: Share
  /// What is read element by element: a thread reads only the elements that it writes.
  let elementwise: [Value]
  /// What any thread may read at any element.
  let whole: [Value]

  /// Whether it is a loop over vectors of elements.
  var isPointwise: Bool { operations[0].opcode.isPointwise }
}

/// A copy of a layer's weights in the order in which its panels read them.
struct PackStep {
  /// The number of the pack.
  let pack: Int
  /// How threads share its panels: as the elements of the value that is packed, as far along.
  let share: Share
}

/// A table of the inverses of functions that are the same for all rows.
struct InvertStep {
  /// The number of the table.
  let inverse: Int
}

/// A loop over tiles of rows.
struct RowsStep {
  /// The number of the phase.
  let phase: Int
  /// Where its sums start in a slot, in numbers.
  let slotOffset: Int
}

/// The sum of a reduction over the slots, in the slots' order.
struct CombineStep {
  let phase: Int
  /// The number of the phase's reduction.
  let reduction: Int
  /// The value that the sum becomes.
  let target: Value
  /// Where the entries of a weight gradient go, if not in their own order.
  let order: GradientOrder?
  let share: Share
}

/// A copy of a uniform value to a result.
struct StoreStep {
  let value: Value
  let result: Int
}

/// What a step reads and writes in memory that threads share.
struct StepAccess {
  /// Read element by element: a thread reads only the elements that it writes.
  var elementwise: [Storage.Location] = []
  /// Read by any thread at any element.
  var whole: [Storage.Location] = []
  var written: [Storage.Location] = []
  var share: Share
}

extension TileProgram {
  /// What a step reads and writes; nil for barriers.
  func access(_ step: Step) -> StepAccess? {
    func places(_ values: [Value]) -> [Storage.Location] {
      values.compactMap { storage.locations[$0] }
    }
    switch step {
    case .uniform(let uniform):
      return StepAccess(
        elementwise: places(uniform.elementwise), whole: places(uniform.whole),
        written: places(uniform.stored), share: uniform.share)
    case .pack(let pack):
      return StepAccess(
        whole: places(packings[pack.pack].sources), written: [storage.packs[pack.pack]],
        share: .apart)
    case .invert(let invert):
      let search = inverses[invert.inverse]
      return StepAccess(
        whole: places(search.uniforms) + search.packs.map { storage.packs[$0] },
        written: [storage.inverses[invert.inverse]], share: .apart)
    case .barrier: return nil
    case .rows(let rows):
      let nodes = phases[rows.phase].nodes.flatMap(\.all)
      return StepAccess(
        whole: places(nodes.flatMap { $0.body.uniforms })
          + nodes.flatMap(\.body.packs).map(\.pack).filter(storage.packs.indices.contains).map {
            storage.packs[$0]
          } + nodes.flatMap(\.body.inverses).map { storage.inverses[$0] },
        share: .apart)
    case .combine(let combine):
      return StepAccess(written: places([combine.target]), share: combine.share)
    case .store(let store):
      return StepAccess(
        whole: places([store.value]), written: [.result(store.result)], share: .one(.start))
    }
  }
}
