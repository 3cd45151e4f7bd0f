// FlowPasses
