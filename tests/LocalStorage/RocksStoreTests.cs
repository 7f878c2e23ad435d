using Delos.LocalStorage;
using Delos.Runtime;

namespace Delos.Tests.LocalStorage;

/// <param name="readCacheBytes">So much as nothing is forgotten of, little, or none.</param>
[TestFixture(16 << 20)]
[TestFixture(4 << 10)]
[TestFixture(0)]
public class RocksStoreTests(long readCacheBytes) : StoreConformance
{
    private RocksImage _image = null!;

    [SetUp]
    public void MakeImages() => _image = new RocksImage(WorkDirectory);

    protected override ILocalStoreFactory CreateFactory(string name = "store") => new RocksStoreFactory(new RocksStoreOptions { Directory = Path.Combine(WorkDirectory, name), ReadCacheBytes = readCacheBytes });

    protected override ILocalStoreFactory Crash(ILocalStoreFactory factory, ILocalStore store) => new RocksStoreFactory(new RocksStoreOptions { Directory = _image.Take(Path.Combine(WorkDirectory, "store")) });
}
