import FlowIR

extension Tensor {
  /// A checked axis; negative ones count from the last, -1.
  public func axis(_ axis: Int) -> Int {
    let positive = axis < 0 ? axis + shape.count : axis
    precondition(shape.indices.contains(positive), "axis \(axis) is outside shape \(shape)")
    return positive
  }

  /// The same elements in another shape.
  public func reshaped(_ shape: [Int]) -> Tensor {
    shape == self.shape ? self : trace.emit(.reshape(shape), [self])
  }

  /// The tensor repeated to a shape, as in NumPy.
  public func broadcast(to shape: [Int]) -> Tensor {
    shape == self.shape ? self : trace.emit(.broadcast(shape), [self])
  }

  /// Elements `start ..< end` along an axis.
  public func slice(_ start: Int, _ end: Int, axis: Int = -1) -> Tensor {
    let axis = self.axis(axis)
    if start == 0 && end == shape[axis] { return self }
    return trace.emit(.slice(axis: axis, start: start, end: end), [self])
  }

  /// The elements at given indices along an axis.
  public func gather(_ indices: [Int], axis: Int = -1) -> Tensor {
    trace.emit(.gather(axis: self.axis(axis), indices: indices), [self])
  }

  /// The tensor padded before and after along an axis.
  public func padded(low: Int, high: Int, value: Double, axis: Int = -1) -> Tensor {
    trace.emit(.pad(axis: self.axis(axis), low: low, high: high, value: value), [self])
  }

  /// The tensor with an axis of extent 1 inserted at the end.
  public func expandedLast() -> Tensor { reshaped(shape + [1]) }

  /// The tensor with its axes reordered.
  public func transposed(_ permutation: [Int]) -> Tensor {
    trace.emit(.transpose(permutation), [self])
  }

  /// Tensors joined along an axis.
  public static func concatenate(_ tensors: [Tensor], axis: Int = -1) -> Tensor {
    precondition(!tensors.isEmpty, "nothing to concatenate")
    return tensors.count == 1
      ? tensors[0]
      : tensors[0].trace.emit(.concatenate(axis: tensors[0].axis(axis)), tensors)
  }
}

extension Tensor {
  /// The sum along an axis of one row's shape.
  public func sum(axis: Int) -> Tensor {
    trace.emit(.reduce(.sum, axis: self.axis(axis)), [self])
  }

  /// The product along an axis of one row's shape.
  public func product(axis: Int) -> Tensor {
    trace.emit(.reduce(.product, axis: self.axis(axis)), [self])
  }

  /// The smallest element along an axis.
  public func min(axis: Int) -> Tensor {
    trace.emit(.reduce(.minimum, axis: self.axis(axis)), [self])
  }

  /// The largest element along an axis.
  public func max(axis: Int) -> Tensor {
    trace.emit(.reduce(.maximum, axis: self.axis(axis)), [self])
  }

  /// Running sums along an axis.
  public func cumulativeSum(axis: Int = -1, reverse: Bool = false) -> Tensor {
    trace.emit(.cumulativeSum(axis: self.axis(axis), reverse: reverse), [self])
  }

  /// The sum of all elements of each row: a row scalar, or a uniform one.
  public func sumOfElements() -> Tensor {
    shape.isEmpty ? self : reshaped([type.elementCount]).sum(axis: 0)
  }

  /// The sum over all rows and elements, a uniform scalar.
  public func sum() -> Tensor {
    let perRow = sumOfElements()
    return hasRows ? trace.emit(.rowSum, [perRow]) : perRow
  }

  /// The mean over all rows and elements, a uniform scalar.
  public func mean() -> Tensor {
    let total = sum() / Double(Swift.max(type.elementCount, 1))
    return hasRows ? total / trace.rowCount() : total
  }

  /// The mean of a row scalar over the rows in which it is finite, NaN if there are none.
  ///
  /// The other rows do not contribute to gradients either, whatever they hold.
  ///
  /// - Parameter weights: how much each row counts, a row scalar; nil if all count alike.
  public func meanOfFiniteRows(weights: Tensor? = nil) -> Tensor {
    precondition(hasRows && shape.isEmpty, "needs a row scalar, found \(type)")
    let finite = isFinite(self)
    if let weights {
      precondition(weights.type == type, "needs weights of type \(type), found \(weights.type)")
      let total = select(finite, weights, like(0)).sum()
      return (select(finite, self, like(0)) * weights).sum() / total
    }
    let count = trace.emit(.rowSum, [trace.emit(.convert(type.dtype), [finite])])
    return select(finite, self, like(0)).sum() / count
  }

  /// The mean over rows, a uniform tensor of one row's shape.
  public func meanOfRows() -> Tensor {
    precondition(hasRows, "a uniform tensor has no rows to average")
    return trace.emit(.rowSum, [self]) / trace.rowCount()
  }

  /// How many of the sorted elements along the last axis are below `x`, for each `x`.
  public func search(_ x: Tensor) -> Tensor { trace.emit(.search, [self, x]) }

  /// The elements along the last axis at given indices.
  public func take(_ index: Tensor) -> Tensor { trace.emit(.take, [self, index]) }

  /// `x Wᵀ + b` along the last axis, entries of `W` outside the mask counting as zero.
  public func linear(_ weight: Tensor, bias: Tensor? = nil, mask: Mask? = nil) -> Tensor {
    trace.emit(.linear(mask), [self, weight] + (bias.map { [$0] } ?? []))
  }
}
