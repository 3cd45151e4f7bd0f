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
  func cost(_ function: Function) -> NodeCost {
    // Ten rounds of Philox give four random words; the Box-Muller formula turns two into two normal
    // numbers.
    NodeCost(instructions: target.elements * (distribution == .normal ? 45 : 25))
  }
  func summary(_ text: NodeText) -> String {
    "random \(distribution.rawValue) stream \(stream) -> \(text.place(target))"
  }
}
