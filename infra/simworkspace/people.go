package simworkspace

import (
	"fmt"
	"strings"
	"time"
)

const day = 24 * time.Hour

// DefaultCompany is a company of some forty people for the demo, with one of
// every case that provisioning knows.
func DefaultCompany() Company {
	return Company{
		Domains: []string{"example.net"},
		OrgUnits: []string{"/Engineering", "/Engineering/Platform", "/Engineering/Product", "/Sales", "/HR",
			"/HR/Recruiting", "/Finance", "/Contractors"},
		Schemas: []Schema{{Name: "Employment", Label: "Employment", Fields: []SchemaField{
			{Name: "level", Label: "Level", Type: "STRING"},
			{Name: "startDate", Label: "Start date", Type: "DATE"},
		}}},
		People: defaultPeople(),
		Groups: []Group{
			{Email: "hiring-managers", Name: "Hiring managers", Members: []string{"lena.fischer", "rahul.mehta", "noa.levi", "carlos.ortega", "grace.okafor"}},
			{Email: "recruiting", Name: "Recruiting", Members: []string{"hiring-managers", "maya.cohen", "tomas.novak", "aisha.rahman", "sofia.rossi", "jonas.weber"}},
			{Email: "engineering", Name: "Engineering", Members: []string{"lena.fischer", "rahul.mehta", "yuki.tanaka", "omar.haddad", "ingrid.larsen", "pierre.dubois"}},
			{Email: "interviewers", Name: "Interviewers", Members: []string{"engineering", "noa.levi", "amina@example.net"}},
			{Email: "all-staff", Name: "All staff", Members: []string{"everyone"}},
			{Email: "comeet-access", Name: "Comeet access", Members: []string{"dmitri.volkov", "helen.brooks"}},
			{Email: "alumni", Name: "Alumni"},
		},
	}
}

func defaultPeople() []Person {
	// given name, family name, org unit, title, location, manager
	rows := [][6]string{
		{"Dana", "Ben-David", "/", "Chief Executive Officer", "Tel Aviv", ""},
		{"Samuel", "Adeyemi", "/", "IT Administrator", "London", "dana.ben-david"},
		{"Grace", "Okafor", "/HR", "Chief People Officer", "London", "dana.ben-david"},
		{"Maya", "Cohen", "/HR/Recruiting", "Head of Talent", "Tel Aviv", "grace.okafor"},
		{"Tomas", "Novak", "/HR/Recruiting", "Senior Recruiter", "Prague", "maya.cohen"},
		{"Aisha", "Rahman", "/HR/Recruiting", "Recruiter", "London", "maya.cohen"},
		{"Sofia", "Rossi", "/HR/Recruiting", "Recruiting Coordinator", "Milan", "maya.cohen"},
		{"Jonas", "Weber", "/HR/Recruiting", "Sourcer", "Berlin", "maya.cohen"},
		{"Mei", "Lin", "/HR", "People Partner", "Singapore", "grace.okafor"},
		{"Hannah", "Schmidt", "/HR", "Payroll Specialist", "Berlin", "grace.okafor"},
		{"Lena", "Fischer", "/Engineering", "VP Engineering", "Berlin", "dana.ben-david"},
		{"Rahul", "Mehta", "/Engineering/Platform", "Platform Lead", "Bengaluru", "lena.fischer"},
		{"Yuki", "Tanaka", "/Engineering/Platform", "Site Reliability Engineer", "Tokyo", "rahul.mehta"},
		{"Omar", "Haddad", "/Engineering/Platform", "Backend Engineer", "Amman", "rahul.mehta"},
		{"Ingrid", "Larsen", "/Engineering/Platform", "Security Engineer", "Oslo", "rahul.mehta"},
		{"Kwame", "Mensah", "/Engineering/Platform", "Backend Engineer", "Accra", "rahul.mehta"},
		{"Noa", "Levi", "/Engineering/Product", "Product Lead", "Tel Aviv", "lena.fischer"},
		{"Pierre", "Dubois", "/Engineering/Product", "Frontend Engineer", "Paris", "noa.levi"},
		{"Priya", "Nair", "/Engineering/Product", "Mobile Engineer", "Bengaluru", "noa.levi"},
		{"Mateo", "Garcia", "/Engineering/Product", "Designer", "Madrid", "noa.levi"},
		{"Eun-ji", "Park", "/Engineering/Product", "Researcher", "Seoul", "noa.levi"},
		{"Bartosz", "Kowalski", "/Engineering", "QA Lead", "Krakow", "lena.fischer"},
		{"Carlos", "Ortega", "/Sales", "VP Sales", "Madrid", "dana.ben-david"},
		{"Helen", "Brooks", "/Sales", "Account Executive", "Boston", "carlos.ortega"},
		{"Ahmed", "Mansour", "/Sales", "Account Executive", "Dubai", "carlos.ortega"},
		{"Chloe", "Martin", "/Sales", "Sales Engineer", "Paris", "carlos.ortega"},
		{"Liam", "OBrien", "/Sales", "Account Manager", "Dublin", "carlos.ortega"},
		{"Isabela", "Santos", "/Sales", "Customer Success Manager", "Lisbon", "carlos.ortega"},
		{"Anton", "Petrov", "/Sales", "Solutions Architect", "Sofia", "carlos.ortega"},
		{"Fatima", "Zahra", "/Finance", "Chief Financial Officer", "London", "dana.ben-david"},
		{"Oliver", "Hughes", "/Finance", "Controller", "London", "fatima.zahra"},
		{"Nina", "Horvat", "/Finance", "Accountant", "Zagreb", "fatima.zahra"},
		{"Dmitri", "Volkov", "/Contractors", "Technical Writer", "Tbilisi", "noa.levi"},
		{"Ana", "Silva", "/Contractors", "Translator", "Porto", "noa.levi"},
		{"Zoltan", "Nagy", "/Contractors", "Consultant", "Budapest", "rahul.mehta"},
		{"Emily", "Carter", "/Sales", "Account Manager", "Boston", "carlos.ortega"},
		{"Viktor", "Lindqvist", "/Engineering", "Engineer", "Stockholm", "lena.fischer"},
		{"Ruth", "Abrams", "/Finance", "Analyst", "Tel Aviv", "fatima.zahra"},
		{"Kenji", "Sato", "/Sales", "Account Executive", "Tokyo", "carlos.ortega"},
	}
	people := make([]Person, 0, len(rows)+3)
	for i, row := range rows {
		level := fmt.Sprintf("L%d", 3+i%5)
		people = append(people, Person{
			Email: strings.ToLower(row[0] + "." + row[1]), GivenName: row[0], FamilyName: row[1], OrgUnit: row[2],
			Title: row[3], Department: department(row[2]), Location: row[4], Manager: row[5],
			// Numbers from the ranges kept free for fiction in the UK and the US.
			Phone:      []string{"+44 20 7946 0%03d", "+1 202 555 0%03d"}[i%2],
			EmployeeID: fmt.Sprintf("E%04d", 1001+i), Level: level,
			StartDate: time.Date(2016+i%9, time.Month(1+i%12), 1+i%27, 0, 0, 0, 0, time.UTC).Format(time.DateOnly),
		})
		people[i].Phone = fmt.Sprintf(people[i].Phone, 101+i)
		switch people[i].Email {
		case "samuel.adeyemi":
			people[i].Admin = true
		case "emily.carter":
			people[i].SuspendedFor = 3 * day
		case "viktor.lindqvist":
			people[i].SuspendedFor = 12 * day
		case "ruth.abrams":
			people[i].ArchivedFor = 60 * day
		case "kenji.sato":
			people[i].DeletedFor = 2 * day
		}
	}
	for _, p := range [][3]string{{"amina", "Amina", "Diallo"}, {"stefan", "Stefan", "Ionescu"}, {"lucia", "Lucia", "Moreno"}} {
		people = append(people, Person{Email: p[0] + "@example.net", GivenName: p[1], FamilyName: p[2], OrgUnit: "/Sales",
			Title: "Partner Manager", Department: "Sales", Location: "Remote"})
	}
	return people
}

func department(unit string) string {
	if unit == "/" {
		return "Management"
	}
	top, _, _ := strings.Cut(unit[1:], "/")
	return top
}

func givenNames() []string {
	return []string{"Ada", "Bilal", "Chiara", "Daniel", "Elif", "Farid", "Gita", "Hugo", "Ines", "Jamal", "Keiko", "Luca",
		"Mariam", "Nils", "Olga", "Pablo", "Qing", "Rosa", "Stefan", "Talia", "Uma", "Vera", "Wanjiru", "Xavier", "Yara", "Zeynep"}
}

func familyNames() []string {
	return []string{"Almeida", "Berg", "Chen", "Diaz", "Eriksson", "Fontaine", "Gupta", "Hassan", "Ivanov", "Jansen", "Kim",
		"Lopez", "Moreau", "Nguyen", "Osei", "Popescu", "Ricci", "Sharma", "Torres", "Ueda", "Vargas", "Walsh", "Yilmaz"}
}
