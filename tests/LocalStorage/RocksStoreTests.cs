using Delos.LocalStorage;
using Delos.Runtime;

namespace Delos.Tests.LocalStorage;

[TestFixture]
public class RocksStoreTests : StoreConformance
{
    private RocksImage _image = null!;

    [SetUp]
    public void MakeImages() => _image = new RocksImage(WorkDirectory);

    protected override ILocalStoreFactory CreateFactory(string name = "store") => new RocksStoreFactory(new RocksStoreOptions { Directory = Path.Combine(WorkDirectory, name) });

    protected override ILocalStoreFactory Crash(ILocalStoreFactory factory, ILocalStore store) => new RocksStoreFactory(new RocksStoreOptions { Directory = _image.Take(Path.Combine(WorkDirectory, "store")) });
}
