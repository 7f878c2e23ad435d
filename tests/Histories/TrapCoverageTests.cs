using System.Globalization;
using System.Reflection;

namespace Delos.Tests.Histories;

/// <summary>Each trap of the design has a test that carries its number; docs/correctness.md lists them.</summary>
public sealed class TrapCoverageTests
{
    private const int Last = 26;

    [Test]
    public void Every_trap_has_a_test()
    {
        var tested = new HashSet<int>();
        foreach (var method in typeof(TrapCoverageTests).Assembly.GetTypes().SelectMany(t => t.GetMethods(BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.DeclaredOnly)))
        {
            var categories = method.GetCustomAttributes<CategoryAttribute>().Concat(method.DeclaringType?.GetCustomAttributes<CategoryAttribute>() ?? []).Select(c => c.Name)
                .Concat(method.GetCustomAttributes<TestCaseAttribute>().SelectMany(c => (c.Category ?? "").Split(',')));
            foreach (var category in categories.Where(c => c.StartsWith("Trap", StringComparison.Ordinal))) tested.Add(int.Parse(category["Trap".Length..], CultureInfo.InvariantCulture));
        }

        Assert.That(tested, Is.EquivalentTo(Enumerable.Range(1, Last)));
    }
}
