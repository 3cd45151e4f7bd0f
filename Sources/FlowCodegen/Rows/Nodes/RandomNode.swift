import FlowIR

/// Random elements of a distribution.
struct RandomNode: NodeBody {
  let distribution: RandomDistribution
  let stream: Int
  let seed: Value
  let target: Buffer

  func reads(of item: Int) -> [Span] { [] }
  var isFunction: Bool { false }
  func writes(of item: Int) -> [Span] { [Span(target)] }
  var uniforms: [Value] { [seed] }

  func label(_ function: Function) -> String { "random \(distribution.rawValue)" }
  func cost(_ views: Views, on set: InstructionSet) -> NodeCost {
    // Ten rounds of Philox give the words of two numbers, and the formula of Box and Muller two normal ones: a
    // logarithm, a root, a sine and a cosine.
    let counts: InstructionCounts =
      distribution == .normal
      ? .init(192, 244, float64: 154, 214) : .init(132, 166, float64: 86, 127)
    let roots: InstructionCounts = distribution == .normal ? .init(1, float64: 2) : 0
    let pairs = (target.elements + 1) / 2
    return NodeCost(instructions: pairs * counts[set], divisions: pairs * roots[set])
  }
  func summary(_ text: NodeText) -> String {
    "random \(distribution.rawValue) stream \(stream) -> \(text.place(target))"
  }
}
