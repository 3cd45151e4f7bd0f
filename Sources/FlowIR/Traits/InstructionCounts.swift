/// What instructions are counted in: the numbers that vectors hold, and what the processor knows.
public enum InstructionSet: String, CaseIterable, Sendable {
  /// float32 with AVX-512.
  case float32AVX512
  /// float32 with AVX2, and about what other processors take.
  case float32
  /// float64 with AVX-512.
  case float64AVX512
  /// float64 with AVX2, and about what other processors take.
  case float64

  /// The one that planning counts in, whatever machine the code is for: the same function becomes the same program.
  public static let planned = InstructionSet.float32AVX512

  /// The set for float32 or float64, on a processor with or without AVX-512.
  public init(float64: Bool, avx512: Bool) {
    switch (float64, avx512) {
    case (false, true): self = .float32AVX512
    case (false, false): self = .float32
    case (true, true): self = .float64AVX512
    case (true, false): self = .float64
    }
  }

  /// Whether the processor has AVX-512.
  public var hasAVX512: Bool { self == .float32AVX512 || self == .float64AVX512 }
}

/// How many instructions something takes, by the instruction set.
public struct InstructionCounts: Hashable, Sendable, ExpressibleByIntegerLiteral {
  private let float32AVX512: Int
  private let float32: Int
  private let float64AVX512: Int
  private let float64: Int

  /// Counts with AVX-512 and with AVX2, in float32 and in float64.
  public init(_ float32AVX512: Int, _ float32: Int, float64 float64AVX512: Int, _ float64: Int) {
    self.float32AVX512 = float32AVX512
    self.float32 = float32
    self.float64AVX512 = float64AVX512
    self.float64 = float64
  }

  /// Counts that are the same on all processors.
  public init(_ float32: Int, float64: Int) {
    self.init(float32, float32, float64: float64, float64)
  }

  /// A count that is the same everywhere.
  public init(integerLiteral count: Int) { self.init(count, float64: count) }

  /// The count in an instruction set.
  public subscript(set: InstructionSet) -> Int {
    switch set {
    case .float32AVX512: float32AVX512
    case .float32: float32
    case .float64AVX512: float64AVX512
    case .float64: float64
    }
  }
}
