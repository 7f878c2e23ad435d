using Delos.LocalStorage.Rocks;

namespace Delos.Tests.LocalStorage;

public class RocksLibraryTests
{
    [Test]
    public void Without_the_library_it_is_said_what_to_install() =>
        Assert.That(() => RocksLibrary.Find(static _ => 0), Throws.TypeOf<DllNotFoundException>().With.Message.Contains("apt-get install librocksdb7.8").And.Message.Contains("from 7.8 to 9.x"));

    [TestCase("librocksdb.so.7.8")]
    [TestCase("librocksdb.so.8.11")]
    [TestCase("librocksdb.so.9.10")]
    [TestCase("librocksdb.so")]
    public void The_library_is_found_under_the_names_that_distributions_give_it(string name) => Assert.That(RocksLibrary.Find(tried => tried == name ? 1 : 0), Is.EqualTo((nint)1));

    [Test]
    public void The_version_of_the_tests_is_preferred()
    {
        var tried = new List<string>();
        RocksLibrary.Find(name =>
        {
            tried.Add(name);
            return 1;
        });
        Assert.That(tried, Is.EqualTo(new[] { "librocksdb.so.7.8" }));
    }
}
