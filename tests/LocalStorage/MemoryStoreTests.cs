using Delos.LocalStorage;
using Delos.Runtime;

namespace Delos.Tests.LocalStorage;

[TestFixture]
public class MemoryStoreTests : StoreConformance
{
    protected override ILocalStoreFactory CreateFactory(string name = "store") => new MemoryStoreFactory();

    protected override ILocalStoreFactory Crash(ILocalStoreFactory factory, ILocalStore store)
    {
        store.Dispose();
        ((MemoryStoreFactory)factory).Crash();
        return factory;
    }
}
