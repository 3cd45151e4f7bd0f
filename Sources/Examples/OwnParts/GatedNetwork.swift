import Flows

/// A hyper-network of one's own: a linear layer, residual blocks with gates, `h + sigmoid(g) ∘ u` with
/// `(u, g)` from two layers, and a linear layer (gated as in He et al., arXiv:1512.03385, and Dauphin et
/// al., arXiv:1612.08083).
///
/// A network is a `Layer`; its parameters are those of the layers that it makes in child scopes.
struct GatedNetwork: Layer {
  private struct Block {
    let hidden: Linear
    let output: Linear
  }

  private let input: Linear
  private let blocks: [Block]
  private let output: Linear
  private let width: Int

  init(_ inputs: Int, _ outputs: Int, width: Int = 32, blocks: Int = 2, in scope: ModuleScope) {
    input = Linear(inputs, width, in: scope.child("input"))
    self.blocks = (0..<blocks).map { index in
      let place = scope.child("blocks").child("\(index)")
      return Block(
        hidden: Linear(width, width, in: place.child("hidden")),
        output: Linear(width, 2 * width, in: place.child("output")))
    }
    output = Linear(width, outputs, in: scope.child("output"))
    self.width = width
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let h = blocks.reduce(input(x)) { h, block in
      let both = block.output(relu(block.hidden(relu(h))))
      return h + sigmoid(both.slice(width, 2 * width)) * both.slice(0, width)
    }
    return output(h)
  }
}
