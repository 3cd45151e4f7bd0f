import FlowIR

extension Tensor {
  /// One linear layer for each of S vectors: weights [S, out, in] and biases [S, out] on [S, in].
  ///
  /// It runs as one layer whose mask has a block for each of them.
  func stackedLinear(_ weight: Tensor, bias: Tensor?) -> Tensor {
    let (stack, outputs, inputs) = (weight.shape[0], weight.shape[1], weight.shape[2])
    precondition(
      shape == [stack, inputs],
      "a stack of layers needs inputs [\(stack), \(inputs)], found \(shape)")
    var places: [Int] = []
    var bits: [Bool] = []
    for s in 0..<stack {
      for o in 0..<outputs {
        for other in 0..<stack {
          for i in 0..<inputs {
            // Entries outside the blocks are masked, so their values do not matter.
            places.append((s * outputs + o) * inputs + i)
            bits.append(s == other)
          }
        }
      }
    }
    let matrix = weight.reshaped([stack * outputs * inputs]).gather(places)
      .reshaped([stack * outputs, stack * inputs])
    let mask = Mask(rows: stack * outputs, columns: stack * inputs, bits: bits)
    return reshaped([stack * inputs])
      .linear(matrix, bias: bias?.reshaped([stack * outputs]), mask: mask)
      .reshaped([stack, outputs])
  }
}
