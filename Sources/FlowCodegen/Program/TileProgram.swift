import FlowIR

/// A function lowered to steps that threads share: loops over tiles of rows, with uniform work before,
/// between and after.
///
/// All that is decided about the code stands here: what runs in which order, where every value lies,
/// which thread makes what, and where threads wait for each other. Printing it as C decides nothing.
/// A program is made for one float type; it does not depend on the machine or on the number of
/// threads.
public struct TileProgram {
  /// The function that was lowered.
  public let function: Function
  /// The argument with a row for each group of rows; nil if every input of rows has a row for each.
  public let groupedInput: Int?
  /// What values are views of.
  let views: Views
  /// The loops over rows, in order.
  let phases: [RowPhase]
  /// The packed weights, by number.
  let packings: [Packing]
  /// The tables of inverses, by number.
  let inverses: [InverseSearch]
  let storage: Storage
  /// The steps that run when parameters are loaded or change.
  let prepare: StepList
  /// The steps of a call.
  let call: StepList

  /// A program from its parts, as tests of the verifier need it.
  init(
    function: Function, groupedInput: Int? = nil, views: Views, phases: [RowPhase],
    packings: [Packing], inverses: [InverseSearch] = [], storage: Storage,
    prepare: StepList, call: StepList
  ) {
    self.function = function
    self.groupedInput = groupedInput
    self.views = views
    self.phases = phases
    self.packings = packings
    self.inverses = inverses
    self.storage = storage
    self.prepare = prepare
    self.call = call
  }

  /// The float type that the function computes in.
  public var dtype: DType { function.realType }

  /// Whether rows have random numbers, which depend on the rows' numbers in the sample.
  public var drawsRows: Bool {
    phases.contains { phase in
      phase.nodes.flatMap(\.all).contains { $0.body is RandomNode }
    }
  }

  /// The place of the pointer to the rows' numbers, after those of the arguments.
  var rowNumbersPlace: Int { function.arguments.count + (groupedInput == nil ? 0 : 1) }

  /// The size of the memory that `prepare` fills, in elements of the float type.
  public var stateElements: Int { storage.stateElements }

  /// The elements of a thread's scratch memory, for each row of a tile.
  var scratchElements: Int { max(phases.map(\.scratch.elements).max() ?? 1, 1) }

  /// The elements of a thread's memory for a tile and what is saved of a group's, for each row of a tile.
  var threadElements: Int {
    let saved = phases.flatMap(\.groups).map(\.size).max() ?? 0
    return scratchElements + ODEGroup.tiles * saved
  }

  /// The numbers in a slot of all sums over rows.
  var slotElements: Int { phases.map(\.slots.elements).reduce(0, +) }
}

extension Function {
  /// The float type that a function computes in.
  var realType: DType { types.first { $0.dtype.isFloat }?.dtype ?? .f32 }
}
