/// Visits operations, and those inside their regions, in the order of the text form.
///
/// Code that reads regions at any depth conforms to this, or takes the flat lists `withRegions` and
/// `regionsFirst` if the depth does not matter to it.
public protocol OperationVisitor {
  /// Called for each operation, before its regions.
  mutating func enter(_ operation: TensorOperation)
  /// Called for each region, before its operations.
  mutating func enter(_ region: Region)
  /// Called for each region, after its operations.
  mutating func leave(_ region: Region)
  /// Called for each operation, after its regions.
  mutating func leave(_ operation: TensorOperation)
}

extension OperationVisitor {
  public mutating func enter(_ region: Region) {}
  public mutating func leave(_ region: Region) {}
  public mutating func leave(_ operation: TensorOperation) {}

  /// Visits operations and those inside their regions.
  public mutating func walk(_ operations: [TensorOperation]) {
    for operation in operations {
      enter(operation)
      for region in operation.regions {
        enter(region)
        walk(region.operations)
        leave(region)
      }
      leave(operation)
    }
  }
}

extension [TensorOperation] {
  /// The operations and those of their regions, each before those of its own regions.
  public var withRegions: [TensorOperation] {
    var collector = Collector(isRegionFirst: false)
    collector.walk(self)
    return collector.found
  }

  /// The operations and those of their regions, each after those of its own regions.
  public var regionsFirst: [TensorOperation] {
    var collector = Collector(isRegionFirst: true)
    collector.walk(self)
    return collector.found
  }
}

private struct Collector: OperationVisitor {
  let isRegionFirst: Bool
  var found: [TensorOperation] = []

  mutating func enter(_ operation: TensorOperation) {
    if !isRegionFirst { found.append(operation) }
  }

  mutating func leave(_ operation: TensorOperation) {
    if isRegionFirst { found.append(operation) }
  }
}
