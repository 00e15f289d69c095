"""Classes and departments (locations): two lists, and where transactions may name them (facts/qbo.md 4.7)."""

from typing import ClassVar

from wescope.sandbox.qbo import faults, tables
from wescope.sandbox.qbo.books import Unit, name_key
from wescope.sandbox.qbo.entity import SERVER_KEPT, EntityRules, Request, active, reference, referred, require
from wescope.sandbox.qbo.names import with_suffix
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.wire import Json


class _TrackRules(EntityRules):
    """What classes and departments share: a name, a parent, a mark for children."""

    is_list = True
    can_delete = False
    list_name: ClassVar[str]
    child_mark: ClassVar[str]
    filterable = frozenset(
        {"Id", "Name", "FullyQualifiedName", "Active", "MetaData.CreateTime", "MetaData.LastUpdatedTime"}
    )

    def write(self, unit: Unit, body: Json, before: Record | None, request: Request) -> Record:
        """Checks and completes a list element; see `EntityRules.write`."""
        _ = request
        require(body, "Name")
        name, is_active = body["Name"].strip(), body.get("Active", True)
        if ":" in name:
            raise faults.invalid_string("Name", name)
        computed = {"FullyQualifiedName", self.child_mark}
        doc: Json = {key: value for key, value in body.items() if key not in computed | SERVER_KEPT}
        doc.update({"Name": name if is_active else with_suffix(name), "Active": is_active})
        doc["FullyQualifiedName"] = doc["Name"]
        parent_id = referred(doc, "ParentRef")
        doc[self.child_mark] = bool(parent_id)
        if parent_id:
            parent = active(unit.get(self.name, parent_id), self.list_name, parent_id, unit)
            doc["FullyQualifiedName"] = f"{parent.doc['FullyQualifiedName']}:{doc['Name']}"
        record_id = before.id if before else unit.next_id(self.name)
        key = name_key(doc["FullyQualifiedName"])
        if unit.find(self.name, lambda one: one.id != record_id and name_key(one.doc["FullyQualifiedName"]) == key):
            raise faults.duplicate_name(detail=unit.knobs.duplicate_name_detail)
        return Record(entity=self.name, id=record_id, doc=doc)


class ClassRules(_TrackRules):
    """Classes."""

    name = "Class"
    shape = tables.CLASS
    list_name = "Klasses"
    child_mark = "SubClass"


class DepartmentRules(_TrackRules):
    """Departments, which the browser calls locations."""

    name = "Department"
    shape = tables.DEPARTMENT
    list_name = "Depts"
    child_mark = "SubDepartment"


def class_of(unit: Unit, body: Json, *, on_line: bool) -> Json:
    """Reads the class of a line or of a whole transaction.

    Args:
        unit: the unit of work.
        body: the line's detail, or the document.
        on_line: which of the two it is.

    Returns:
        {"ClassRef": ...} with its name; empty without one, or when the company does not track classes there (a knob).

    Raises:
        QboFault: 2500 for an unknown or inactive class, 5030 when the knob refuses a class that is not tracked.
    """
    value = referred(body, "ClassRef")
    tracked = unit.knobs.class_tracking == ("line" if on_line else "transaction")
    if value and not tracked and unit.knobs.class_when_off == "refuse":
        raise faults.unsupported_feature("Class tracking is turned off")
    if not value or not tracked:
        return {}
    found = active(unit.get("Class", value), ClassRules.list_name, value, unit)
    return {"ClassRef": reference(found.id, found.doc["FullyQualifiedName"])}


def department_of(unit: Unit, body: Json) -> Json:
    """Reads a transaction's department, as `class_of` reads its class."""
    value = referred(body, "DepartmentRef")
    if not value or not unit.knobs.department_tracking:
        return {}
    found = active(unit.get("Department", value), DepartmentRules.list_name, value, unit)
    return {"DepartmentRef": reference(found.id, found.doc["FullyQualifiedName"])}
